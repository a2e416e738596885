import json
import socket
import subprocess
import sys
import time

from dfhpc.usage.sampler import Sampler, sampled_stage
from dfhpc.usage.samples import read_samples
from dfhpc.usage.summary import read_usage


def _records(folder):
    (path,) = folder.glob("*.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def _burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_samples_grow_and_stages_are_noted(tmp_path):
    sampler = Sampler(tmp_path, "driver", interval_s=0.05)
    sampler.start()
    with sampled_stage(sampler, "train", 7):
        _burn(0.3)
    sampler.stop()
    records = _records(tmp_path)
    cpu = [record["cpu_s"] for record in records if "cpu_s" in record]
    assert cpu == sorted(cpu)
    assert len(cpu) > 4
    used = read_usage(tmp_path)["train"]
    assert used["cpu_s"] > 0.25
    assert used["requested_bytes"] == 7
    assert used["max_rss_bytes"] > 10 * 2**20


CHILD = """import time
end = time.process_time() + 0.4
while time.process_time() < end: pass
"""


def test_a_worker_counts_its_children_also_after_they_ended(tmp_path):
    sampler = Sampler(tmp_path, "worker", interval_s=60)
    sampler.start()
    before, processes = (_records(tmp_path)[-1][k] for k in ("cpu_s", "processes"))
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    time.sleep(0.2)
    sampler.sample()
    assert _records(tmp_path)[-1]["processes"] == processes + 1

    child.communicate(b"\n")
    subprocess.run([sys.executable, "-c", CHILD], check=True)
    sampler.stop()
    assert _records(tmp_path)[-1]["cpu_s"] - before > 0.35


def test_samples_of_a_killed_process_are_there(tmp_path):
    code = (
        "import sys, time; from pathlib import Path\n"
        "from dfhpc.usage.sampler import Sampler\n"
        "Sampler(Path(sys.argv[1]), 'driver', 0.05).start()\n"
        "print('ready', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE
    )
    process.stdout.readline()
    time.sleep(0.5)
    process.kill()
    process.communicate()
    assert len(_records(tmp_path)) > 3


PARENT = f"""import subprocess, sys
subprocess.run([sys.executable, "-c", {CHILD!r}], check=True)
print("done", flush=True)
input()
"""


def test_a_worker_counts_what_ended_below_a_child_that_lives(tmp_path):
    sampler = Sampler(tmp_path, "worker", interval_s=60)
    sampler.start()
    before = _records(tmp_path)[-1]["cpu_s"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    child = subprocess.Popen([sys.executable, "-c", PARENT], **pipes)
    child.stdout.readline()
    sampler.sample()
    assert _records(tmp_path)[-1]["cpu_s"] - before > 0.35
    child.communicate(b"\n")
    sampler.stop()
    records = [record["cpu_s"] for record in _records(tmp_path)]
    assert records[-1] >= records[-2]


def test_the_first_sample_says_where_and_in_which_job(tmp_path, monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.setenv("LSB_JOBID", "77")
    sampler = Sampler(tmp_path, "worker", clock_offset_s=-8.25)
    sampler.start()
    sampler.stop()
    (series,) = read_samples(tmp_path).series
    assert (series.role, series.job_id) == ("worker", "77")
    assert series.host == socket.gethostname()
    assert _records(tmp_path)[0]["clock_offset_s"] == -8.25


def test_a_driver_counts_the_process_that_decodes_for_it(tmp_path, clips):
    from dfhpc.videos.decoder import get_decoder

    get_decoder().stop()
    sampler = Sampler(tmp_path, "driver", interval_s=60)
    sampler.start()
    before = _records(tmp_path)[-1]
    clip = next(clips.rglob("000.mp4"))
    list(get_decoder().read(clip, lambda times_s: [0])[1])
    sampler.sample()
    during = _records(tmp_path)[-1]
    assert during["processes"] == before["processes"] + 1
    assert during["rss_bytes"] - before["rss_bytes"] > 30e6
    get_decoder().stop()
    sampler.stop()
    cpu = [record["cpu_s"] for record in _records(tmp_path)]
    assert cpu == sorted(cpu)
    assert cpu[-1] - before["cpu_s"] > 0.1
