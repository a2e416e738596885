"""A decoder that crashes, hangs, or outlives its parent: each costs one video."""

import math
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import psutil
import pytest

from dfhpc.errors import DecoderError, VideoReadError
from dfhpc.videos import decoder_process
from dfhpc.videos.decoder import Decoder, DecoderLimits
from dfhpc.videos.decoding import read_frames
from dfhpc.videos.frames import ReadOptions


def _every_8th(times_s):
    return list(range(0, len(times_s), 8))


@pytest.fixture
def decoder():
    made = Decoder()
    yield made
    made.stop()


@pytest.fixture
def clip(clips):
    return next(clips.rglob("000.mp4"))


def _reason(decoder, path, limits=None):
    with pytest.raises(VideoReadError) as caught:
        list(decoder.read(path, _every_8th, limits)[1])
    assert str(path) in str(caught.value)
    return caught.value.reason


def _assert_reads(decoder, path):
    _, frames = decoder.read(path, _every_8th)
    assert [frame.index for frame in frames] == [0, 8, 16, 24, 32]


def test_it_gives_what_reading_here_gives(decoder, clip):
    facts, frames = decoder.read(clip, _every_8th)
    expected_facts, expected = read_frames(clip, _every_8th)
    assert facts == expected_facts
    for frame, other in zip(frames, expected, strict=True):
        assert (frame.index, frame.time_s) == (other.index, other.time_s)
        np.testing.assert_array_equal(frame.pixels, other.pixels)
    assert frames.facts == expected.facts


def test_one_process_reads_one_video_after_another(decoder, clip):
    _assert_reads(decoder, clip)
    pid, used = decoder.pid, decoder.cpu_s()
    _assert_reads(decoder, clip)
    assert decoder.pid == pid
    assert 0 < used <= decoder.cpu_s()


def test_what_is_no_video_says_why_and_the_process_lives_on(decoder, clip, tmp_path):
    _assert_reads(decoder, clip)
    pid = decoder.pid
    (tmp_path / "text.mp4").write_text("no video")
    assert _reason(decoder, tmp_path / "text.mp4") == "not_a_video"
    assert _reason(decoder, tmp_path / "gone.mp4") == "missing"
    _assert_reads(decoder, clip)
    assert decoder.pid == pid


@pytest.mark.parametrize(
    ("signum", "reason"),
    [
        (signal.SIGSEGV, "decoder_crashed"),
        (signal.SIGABRT, "decoder_crashed"),
        (signal.SIGKILL, "decoder_killed"),
    ],
)
def test_a_crash_costs_the_video_and_not_the_next(decoder, clip, signum, reason):
    _, frames = decoder.read(clip, _every_8th)
    next(frames)
    os.kill(decoder.pid, signum)
    with pytest.raises(VideoReadError) as caught:
        list(frames)
    assert caught.value.reason == reason
    _assert_reads(decoder, clip)


def test_a_hang_ends_after_the_time_limit(decoder, clip):
    _assert_reads(decoder, clip)
    used = decoder.cpu_s()
    stuck = psutil.Process(decoder.pid)
    stuck.suspend()
    started = time.monotonic()
    assert _reason(decoder, clip, DecoderLimits(time_limit_s=0.5)) == "decoder_timeout"
    assert time.monotonic() - started < 5
    assert not stuck.is_running()
    _assert_reads(decoder, clip)
    assert decoder.cpu_s() >= used


def test_there_may_be_no_time_limit(decoder, clip):
    _, frames = decoder.read(clip, _every_8th, DecoderLimits(time_limit_s=math.inf))
    assert len(list(frames)) == 5


def test_the_time_limit_is_not_for_who_looks_at_the_frames(decoder, clip):
    _assert_reads(decoder, clip)
    _, frames = decoder.read(clip, _every_8th, DecoderLimits(time_limit_s=2))
    count = 0
    for _ in frames:
        time.sleep(0.6)
        count += 1
    assert count == 5


def test_it_is_no_more_than_a_frame_ahead(decoder, data_dir):
    path = data_dir / "several_people.mp4"
    _, frames = decoder.read(path, lambda times_s: list(range(len(times_s))))
    next(frames)
    process = psutil.Process(decoder.pid)
    while process.status() != psutil.STATUS_SLEEPING:
        time.sleep(0.01)
    time.sleep(0.3)
    used = decoder.cpu_s()
    time.sleep(1)
    assert decoder.cpu_s() - used < 0.05
    assert process.memory_info().rss < 250e6


def test_a_video_given_up_halfway_does_not_reach_into_the_next(decoder, clip):
    _, frames = decoder.read(clip, _every_8th)
    next(frames)
    _assert_reads(decoder, clip)
    with pytest.raises(VideoReadError):
        list(frames)


def test_limits_refuse_with_the_key_to_raise(decoder, clip):
    for options, reason, key in [
        (ReadOptions(max_pixels=1000), "too_large", "extract.max_pixels"),
        (ReadOptions(max_duration_s=1), "too_long", "extract.max_duration_s"),
        (ReadOptions(max_packets=10), "too_long", "extract.max_packets"),
    ]:
        with pytest.raises(VideoReadError, match=key) as caught:
            decoder.read(clip, _every_8th, DecoderLimits(read=options))
        assert caught.value.reason == reason


def test_memory_is_limited(decoder, data_dir):
    path = data_dir / "several_people.mp4"
    limits = DecoderLimits(max_bytes=8 * 1024**2)
    assert _reason(decoder, path, limits) == "out_of_memory"
    _, frames = decoder.read(path, lambda times_s: [0])
    assert next(frames).pixels is not None


def test_signals_to_all_processes_of_a_job_do_not_reach_it(decoder, clip):
    _assert_reads(decoder, clip)
    pid = decoder.pid
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        os.kill(pid, signum)
    _assert_reads(decoder, clip)
    assert decoder.pid == pid


HOLDER = """
import sys, time
from pathlib import Path
from dfhpc.videos.decoder import get_decoder
decoder = get_decoder()
_, frames = decoder.read(Path(sys.argv[1]), lambda times_s: [0, 1])
next(frames)
print(decoder.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("is_stuck", [False, True])
def test_it_dies_with_a_parent_that_nothing_could_warn(clip, is_stuck):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(clip)], stdout=subprocess.PIPE, text=True
    ) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        if is_stuck:
            child.suspend()
        parent.kill()
    if is_stuck:
        child.resume()
    child.wait(5)


def test_it_dies_with_its_parent_in_the_midst_of_a_call_that_holds_the_lock():
    """As of a library that never returns and lets no other thread of Python run."""
    read, write = os.pipe()
    program = (
        "import sys, ctypes; from dfhpc.videos import decoder_program as p; "
        "p._die_with_parent(int(sys.argv[1])); print('on', flush=True); "
        "ctypes.PyDLL(None).sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(read)],
        stdout=subprocess.PIPE,
        pass_fds=(read,),
    ) as child:
        assert child.stdout.readline() == b"on\n"
        os.close(write)
        assert child.wait(5) == -signal.SIGIO
    os.close(read)


def test_a_process_that_cannot_start_is_no_fault_of_the_video(monkeypatch, clip):
    broken = {**os.environ, "PYTHONPATH": "", "PYTHONHOME": "/nowhere"}
    monkeypatch.setattr(decoder_process, "_environment", lambda: broken)
    with pytest.raises(DecoderError, match="does not start"):
        Decoder().read(clip, _every_8th)


def test_a_file_in_the_working_folder_does_not_pass_for_a_library(
    decoder, clip, tmp_path, monkeypatch
):
    (tmp_path / "av.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    _assert_reads(decoder, clip)


def test_pipes_and_devices_are_no_videos(decoder, tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "zero.mp4").symlink_to("/dev/zero")
    assert _reason(decoder, tmp_path / "pipe.mp4") == "not_a_file"
    assert _reason(decoder, tmp_path / "zero.mp4") == "not_a_file"


def test_names_that_are_not_utf_8_reach_it(decoder, clip, tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9 \xf0\x9f\x8e\xac\n.mp4")
    path.write_bytes(clip.read_bytes())
    _assert_reads(decoder, path)


def test_it_works_from_any_thread_and_survives_that_thread(decoder, clip):
    thread = threading.Thread(target=_assert_reads, args=(decoder, clip))
    thread.start()
    thread.join()
    pid = decoder.pid
    _assert_reads(decoder, clip)
    assert decoder.pid == pid
