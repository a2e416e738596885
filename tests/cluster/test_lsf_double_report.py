"""The double of LSF writes LSF 10's report of a job."""

import sys
import time

import pytest

from tests.cluster.lsf_double.report import Figures, write_report
from tests.cluster.lsf_helpers import submit, summary, wait_until

TRUTH = """\

------------------------------------------------------------
Sender: LSF System <lsfadmin@n2>
Subject: Job 7: <name> in cluster <dcc> Exited

Job <name> was submitted from host <login> by user <u> in cluster <dcc> at Wed Apr 15 00:26:19 2020
Job was executed on host(s) <4*n2>, in queue <hpc>, as user <u> in cluster <dcc> at Wed Apr 15 19:35:45 2020
</home/u> was used as the home directory.
</work/dir> was used as the working directory.
Started at Wed Apr 15 19:35:45 2020
Terminated at Thu Apr 16 13:24:29 2020
Results reported at Thu Apr 16 13:24:29 2020

Your job looked like:

------------------------------------------------------------
# LSBATCH: User input
#!/bin/sh
python main.py

------------------------------------------------------------

TERM_MEMLIMIT: job killed after reaching LSF memory usage limit.
Exited with exit code 137.

Resource usage summary:

    CPU time :                                   64115.00 sec.
    Max Memory :                                 25600 MB
    Average Memory :                             10621.17 MB
    Total Requested Memory :                     25600.00 MB
    Delta Memory :                               0.00 MB
    Max Swap :                                   -
    Max Processes :                              4
    Max Threads :                                8
    Run time :                                   64124 sec.
    Turnaround time :                            133090 sec.

The output (if any) is above this job summary.

"""  # noqa: E501

REQUEST = {
    **{"name": "name", "host": "login", "user": "u", "queue": "hpc"},
    **{"home": "/home/u", "cwd": "/work/dir", "reserved_mb": 25600.0},
    **{"text": "#!/bin/sh\npython main.py\n", "submitted": 1586910379.0},
}
RUN = {
    **{"cluster": "dcc", "hosts": ["4*n2"], "error": None, "reason": "TERM_MEMLIMIT"},
    **{"started": 1586979345.0, "ended": 1587043469.0, "exit_code": 137},
}


@pytest.fixture
def utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("utc")
def test_the_report_equals_a_real_one_byte_for_byte():
    figures = Figures(64115.0, 25600.4, 10621.17, 4, 8)
    assert write_report("7", REQUEST, RUN, figures) == TRUTH


@pytest.mark.usefixtures("utc")
def test_a_report_of_what_was_never_sampled_and_of_errors_apart():
    run = RUN | {"exit_code": 0, "reason": None, "error": "7.err"}
    text = write_report("7", REQUEST, run, Figures(0.5, None, None, None, None))
    assert "    Max Memory :                                 -\n" in text
    assert "    Delta Memory :                               -\n" in text
    assert "\nSuccessfully completed.\n\nResource usage summary:\n" in text
    assert text.endswith(
        "above this job summary.\n\n\n\nPS:\n\n"
        "Read file <7.err> for stderr output of this job.\n\n"
    )


def test_figures_of_a_job_are_measured(quick_lsf, tmp_path):
    loop = (
        "import time\nx = bytearray(150 << 20)\nwhile time.process_time() < 1.2: pass\n"
    )
    (tmp_path / "busy.py").write_text(loop)
    script = f"{sys.executable} busy.py\necho out; echo err >&2\n"
    options = ("-R", "rusage[mem=500]", "-o", "%J.out", "-e", "%J.err")
    job = submit(quick_lsf, script, *options, cwd=tmp_path)
    wait_until(quick_lsf, job, "DONE")
    text = (tmp_path / f"{job}.out").read_text()
    assert text.startswith(f"out\n\n{'-' * 60}\nSender: LSF System <lsfadmin@n")
    assert (tmp_path / f"{job}.err").read_text() == "err\n"
    found = summary(text)
    assert 1.1 < float(found["CPU time"].removesuffix(" sec.")) < 3
    assert 150 <= int(found["Max Memory"].removesuffix(" MB")) < 200
    assert found["Total Requested Memory"] == "500.00 MB"
    assert found["Max Processes"] == "2"


def test_a_short_job_has_no_samples(lsf, tmp_path):
    job = submit(lsf, "true\n", "-o", "o", cwd=tmp_path)
    wait_until(lsf, job, "DONE")
    found = summary((tmp_path / "o").read_text())
    assert found["Max Memory"] == found["Max Threads"] == "-"


def test_a_job_is_repeated_while_its_code_says_so(lsf, tmp_path):
    script = "echo x >> tries; test $(wc -l < tries) -ge 3 || exit 75\n"
    job = submit(lsf, script, "-Q", "75", "-o", "o", cwd=tmp_path)
    wait_until(lsf, job, "DONE")
    assert (tmp_path / "tries").read_text() == "x\nx\nx\n"
    assert (tmp_path / "o").read_text().count("Resource usage summary:") == 3
