"""A driver that was submitted by hand, as it notes itself."""

import pytest

from dfhpc.batch_jobs import read_jobs
from dfhpc.cluster.driver import recorded_driver
from dfhpc.errors import StoppedError
from dfhpc.runs import RunDirectory

OF_LSF = {
    "LSB_JOBID": "7",
    "LSB_JOBNAME": "dfhpc-debug",
    "LSB_DJOB_NUMPROC": "2",
    "LSB_HOSTS": "n1 n1",
    "LSB_OUTPUTFILE": "dfhpc-debug-%J.out",
    "LS_SUBCWD": "/home/ada/a checkout",
}


@pytest.fixture
def run(tmp_path):
    return RunDirectory(tmp_path)


def noted(run, environment):
    with recorded_driver(run, environment):
        pass
    (known,) = read_jobs(run)
    return known


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ("dfhpc-debug-%J.out", "/home/ada/a checkout/dfhpc-debug-7.out"),
        ("/scratch/%J.out", "/scratch/7.out"),
        ("", ""),
    ],
)
def test_its_output_is_found_from_the_folder_of_the_submission(run, named, found):
    known = noted(run, OF_LSF | {"LSB_OUTPUTFILE": named})
    assert known.job.output == found
    assert (known.job.name, known.job.system) == ("dfhpc-debug", "lsf")
    assert known.job.cores == 2
    assert known.how == "COMPLETED"


def test_a_stop_is_no_failure(run):
    def stop():
        with recorded_driver(run, OF_LSF):
            raise StoppedError("asked to")

    with pytest.raises(StoppedError):
        stop()
    assert read_jobs(run)[0].how == "STOPPED"
