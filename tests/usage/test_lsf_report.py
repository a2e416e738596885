from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfhpc.usage.lsf_report import find_report, parse_reports, read_report
from dfhpc.usage.summary import lsf_lines

MB = 2**20

REAL = {
    "logreg.out": (
        *("16548", True, 0, 95302.73, 82687, 82564.51, None, 5, 29, 82117, 82122),
        datetime(2021, 11, 5, 18, 14, 51),
        datetime(2021, 11, 5, 18, 14, 52),
        datetime(2021, 11, 6, 17, 3, 33),
    ),
    "svm_c1.out": (
        *("16486", True, 0, 43616.16, 63202, 30266.94, None, 5, 29, 43579, 43581),
        datetime(2021, 11, 4, 15, 8, 32),
        datetime(2021, 11, 4, 15, 8, 32),
        datetime(2021, 11, 5, 3, 14, 53),
    ),
    "rf_80_20.out": (
        *("16419", True, 0, 579.28, 17317, 15481.17, None, 5, 29, 576, 576),
        datetime(2021, 11, 4, 0, 56, 48),
        datetime(2021, 11, 4, 0, 56, 48),
        datetime(2021, 11, 4, 1, 6, 24),
    ),
    "failed.out": (
        *("14078", False, 1, 83.21, 14741, 7955.44, 204, 4, 28, 111, 111),
        datetime(2021, 10, 1, 12, 37, 57),
        datetime(2021, 10, 1, 12, 37, 57),
        datetime(2021, 10, 1, 12, 39, 48),
    ),
}


def _only(text):
    (report,) = parse_reports(text)
    return report


@pytest.mark.parametrize("name", REAL)
def test_every_line_of_a_real_report_is_read(data_dir, name):
    report = _only((data_dir / "lsf" / name).read_text())
    used = report.usage
    swap = used.max_swap_bytes
    found = (
        *(report.job_id, report.is_done, report.exit_code, used.cpu_s),
        *(used.max_rss_bytes / MB, used.average_rss_bytes / MB),
        *(None if swap is None else swap / MB, used.max_processes, used.max_threads),
        *(used.run_s, used.turnaround_s),
        *(report.submitted, report.started, report.terminated),
    )
    assert found == REAL[name]
    assert report.reported == report.terminated
    assert used.requested_bytes is None
    assert report.delta_bytes is None
    assert report.hosts == (("cudanode", 1),)
    assert (report.queue, report.cluster) == ("gpu", "auzorrocluster")
    assert report.name.startswith("#!/bin/bash;#BSUB -q gpu;")
    assert report.name.endswith(".py")


@pytest.mark.parametrize("name", REAL)
def test_a_real_report_is_printed_again_byte_for_byte(data_dir, name):
    text = (data_dir / "lsf" / name).read_text()
    begin = text.index("Resource usage summary:\n\n") + len(
        "Resource usage summary:\n\n"
    )
    printed = text[begin : text.index("\n\nThe output (if any)")]
    assert lsf_lines(_only(text).usage) == printed.split("\n")


HEAD = """\
Sender: LSF System <lsfadmin@n-1-2>
Subject: Job {id}: <{name}> in cluster <c> {word}

Job <{name}> was submitted from host <login> by user <u> in cluster <c> at Wed Apr 15 \
00:26:19 2020
Job was executed on host(s) {hosts}, in queue <hpc>, as user <u> in cluster <c> at \
Wed Apr 15 19:35:45 2020
</home/u> was used as the home directory.
</work> was used as the working directory.
Started at Wed Apr 15 19:35:45 2020
Terminated at Thu Apr 16 13:24:29 2020
Results reported at Thu Apr 16 13:24:29 2020

Your job looked like:

------------------------------------------------------------
# LSBATCH: User input
{script}
------------------------------------------------------------

{ending}
"""

NEW = """\
Resource usage summary:

    CPU time :                                   64115.00 sec.
    Max Memory :                                 {memory}
    Average Memory :                             10621.17 MB
    Total Requested Memory :                     25600.00 MB
    Delta Memory :                               0.00 MB
    Max Swap :                                   1 MB
    Max Processes :                              4
    Max Threads :                                8
    Run time :                                   64124 sec.
    Turnaround time :                            133090 sec.

The output (if any) is above this job summary.

"""

OLD = """\
Resource usage summary:

    CPU time   : 579768.69 sec.
    Max Memory :     67902 MB
    Max Swap   :     70001 MB

    Max Processes  :         5
    Max Threads    :        21

The output (if any) follows:

"""


def _report(ending, **changes):
    facts = {"id": 7, "name": "train", "word": "Exited", "hosts": "<n-1-2>"}
    facts |= {"script": "python train.py", "ending": ending}
    return HEAD.format(**(facts | changes))


def test_a_job_over_its_memory():
    ending = "TERM_MEMLIMIT: job killed after reaching LSF memory usage limit.\n"
    ending += "Exited with exit code 137.\n\n" + NEW.format(memory="25600 MB")
    report = _only(_report(ending))
    assert (report.state, report.term_reason) == ("TERM_MEMLIMIT", "TERM_MEMLIMIT")
    assert (report.exit_code, report.signal) == (137, None)
    assert report.usage.requested_bytes == report.usage.max_rss_bytes == 25600 * MB
    assert report.delta_bytes == 0
    assert "\n".join(lsf_lines(report.usage)) in ending


@pytest.mark.parametrize(
    ("line", "code", "signal"),
    [
        ("Exited with exit code 130.", 130, None),
        ("Exited by signal 9.", None, 9),
        ("Exited with signal termination: 12.", None, 12),
        ("Exited.", None, None),
        ("TERM_RUNLIMIT: job killed.\nExited with exit code 140.", 140, None),
    ],
)
def test_ways_to_exit(line, code, signal):
    report = _only(_report(f"{line}\n\n{NEW.format(memory='1 MB')}"))
    assert (report.exit_code, report.signal, report.is_done) == (code, signal, False)
    assert report.state == ("TERM_RUNLIMIT" if code == 140 else "EXIT")


@pytest.mark.parametrize(
    ("printed", "size"),
    [
        ("65.77 MB", 65.77 * MB),
        ("3 GB", 3 * 2**30),
        ("1.5 Tbytes", 1.5 * 2**40),
        ("512 KB", 512 * 1024),
        ("-", None),
    ],
)
def test_units_of_memory(printed, size):
    report = _only(_report("Exited.\n\n" + NEW.format(memory=printed)))
    assert report.usage.max_rss_bytes == size
    assert report.usage.max_threads == 8


def test_a_job_too_short_to_be_sampled():
    names = ["Max Memory", "Average Memory", "Total Requested Memory", "Delta Memory"]
    names += ["Max Swap", "Max Processes", "Max Threads"]
    rows = [("CPU time", "0.03 sec."), *((name, "-") for name in names)]
    rows += [("Run time", "4 sec."), ("Turnaround time", "3 sec.")]
    lines = [f"    {name + ' :':<45}{value}" for name, value in rows]
    text = "\n".join(["Resource usage summary:", "", *lines, ""])
    assert lsf_lines(_only(_report(text, word="Done")).usage) == lines


def test_the_layout_before_lsf_10():
    text = _report("Successfully completed.\n\n" + OLD, word="Done")
    # LSF 7 told neither of the end nor, in these lines, of the cluster and the time.
    text = text.replace("Terminated at Thu Apr 16 13:24:29 2020\n", "")
    text = text.replace(" in cluster <c> at Wed Apr 15 00:26:19 2020", ".")
    text = text.replace("> in cluster <c> Done", "> Done")
    report = _only(text)
    assert report.usage.cpu_s == 579768.69
    assert report.usage.max_rss_bytes == 67902 * MB
    assert report.usage.max_swap_bytes == 70001 * MB
    assert (report.usage.max_processes, report.usage.max_threads) == (5, 21)
    assert report.usage.average_rss_bytes is None
    assert report.usage.run_s is None
    assert (report.cluster, report.submitted, report.terminated) == (None, None, None)
    assert report.started == datetime(2020, 4, 15, 19, 35, 45)
    assert (report.exit_code, report.state) == (0, "DONE")


def test_dates_that_end_in_a_full_stop():
    text = _report("Exited.\n\n").replace(" 2020\n", " 2020.\n")
    report = _only(text)
    assert report.submitted == datetime(2020, 4, 15, 0, 26, 19)
    assert report.reported == datetime(2020, 4, 16, 13, 24, 29)


def test_a_site_that_prints_no_summary():
    ending = "Successfully completed.\n\nThe output (if any) is above this job summary."
    report = _only(_report(ending, word="Done"))
    assert report.exit_code == 0
    assert report.usage.cpu_s is None
    assert lsf_lines(report.usage)[0].endswith(" -")


def test_several_hosts():
    one = _only(_report("Exited.", hosts="<8*n069>"))
    assert one.hosts == (("n069", 8),)
    more = "<20*n062>, in queue <big>, as user <u> in cluster <c>\n"
    more += " " * 28 + "<20*n063>\n" + " " * 28 + "<n064>\n"
    several = _only(_report("Exited.", hosts=more))
    assert several.hosts == (("n062", 20), ("n063", 20), ("n064", 1))
    assert several.queue == "big"
    assert several.started == datetime(2020, 4, 15, 19, 35, 45)


def test_the_last_of_several_reports_on_a_job():
    first = _report("Exited with exit code 1.\n\n" + NEW.format(memory="1 MB"))
    other = _report("Exited.\n\n" + NEW.format(memory="2 MB"), id=77)
    last = _report(
        "Successfully completed.\n\n" + NEW.format(memory="3 MB"), word="Done"
    )
    text = f"printed by the job\n{first}\nmore\n{last}\n{other}"
    assert find_report(text, "7").usage.max_rss_bytes == 3 * MB
    assert find_report(text, "77").usage.max_rss_bytes == 2 * MB
    assert find_report(text, "8") is None


def test_an_element_of_an_array():
    assert find_report(_report("Exited.", id="7[3]"), "7[3]") is not None


def test_the_script_and_the_output_have_no_say():
    liar = "echo Exited with exit code 9.\nExited with exit code 9.\n"
    liar += "Resource usage summary:\n\n    Max Memory :    9 MB\n" + "-" * 60
    ending = "Exited with exit code 2.\n\n" + NEW.format(memory="5 MB")
    ending = ending.replace("is above this job summary.", "follows:\n\n" + liar)
    report = _only(_report(ending, script=liar))
    assert report.exit_code == 2
    assert report.usage.max_rss_bytes == 5 * MB


def test_standard_error_in_another_file():
    text = _report("Exited with exit code 2.\n\n" + NEW.format(memory="5 MB"))
    text += "\n\n\nPS:\n\nRead file <7.err> for stderr output of this job.\n\n"
    assert _only(text).usage.turnaround_s == 133090


def test_a_mail_with_a_folded_subject_and_its_own_header():
    text = _report("Exited.", name="a very long name")
    text = text.replace("Sender: LSF System", "Date: Thu, 16 Apr 2020\nFrom: LSF")
    folded = text.replace("<a very long name> in", "<a very\n long name> in", 1)
    assert _only(folded.replace("\n", "\r\n").replace("\r\n ", "\n ")).job_id == "7"
    assert _only(folded).name == "a very\n long name"


def test_a_report_before_or_behind_a_large_output(tmp_path, monkeypatch):
    text = _report("Exited.\n\n" + NEW.format(memory="5 MB"))
    monkeypatch.setattr("dfhpc.usage.lsf_report.LARGEST_FILE", len(text) + 10)
    path = tmp_path / "out"
    noise = b"\xff\xfe noise\n" * 1000
    for data in (noise + text.encode(), text.encode() + noise):
        path.write_bytes(data)
        assert read_report(path, "7").usage.max_rss_bytes == 5 * MB
    path.write_bytes(noise + text.encode() + noise)
    assert read_report(path, "7") is None


PIECES = _report("TERM_X: y\nExited with exit code 3.\n\n" + NEW.format(memory="1 MB"))
WORDS = ["9" * 5000, "Feb 31", "99:99:99", "-", "<", ">", "\n", "\x00", "٣", "1.2.3"]


@given(st.text())
def test_any_text_is_read_without_an_error(text):
    assert list(parse_reports(text)) == []


@given(st.data())
def test_a_damaged_report_is_read_without_an_error(data):
    text = PIECES
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(text)))
        until = data.draw(st.integers(at, min(len(text), at + 60)))
        word = data.draw(st.sampled_from([*WORDS, "", "\n\n"]) | st.text(max_size=9))
        text = text[:at] + word + text[until:]
    for report in parse_reports(text):
        assert len(lsf_lines(report.usage)) == 10
