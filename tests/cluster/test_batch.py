import sys

import pytest

from dfhpc.cluster.batch import (
    apply_site,
    outer_environment,
    run_command,
    script_text,
)
from dfhpc.errors import BatchError


def test_a_command_that_is_not_there():
    with pytest.raises(BatchError, match="no command sbatch-x here") as caught:
        run_command(("sbatch-x",))
    assert caught.value.is_lasting


def test_a_refusal_in_the_systems_own_words():
    code = "import sys; sys.exit('sbatch: error: invalid partition specified: x')"
    with pytest.raises(BatchError, match="invalid partition specified: x") as caught:
        run_command((sys.executable, "-c", code))
    assert caught.value.is_lasting


def test_a_refusal_that_may_pass():
    code = "import sys; sys.exit('Socket timed out on send/recv operation')"
    with pytest.raises(BatchError, match="Socket timed out") as caught:
        run_command((sys.executable, "-c", code))
    assert not caught.value.is_lasting


def test_a_command_that_hangs():
    code = "import time; time.sleep(60)"
    with pytest.raises(BatchError, match=r"did not answer within 0 s"):
        run_command((sys.executable, "-c", code), timeout_s=0.3)


def test_a_command_reads_its_input():
    code = "import sys; print(sys.stdin.read()[::-1])"
    assert run_command((sys.executable, "-c", code), "abc").strip() == "cba"


def test_the_job_around_is_not_handed_on():
    inside = {
        "SLURM_JOB_ID": "7",
        "SLURM_MEM_PER_NODE": "1024",
        "SBATCH_EXPORT": "NONE",
        "LSB_JOBID": "8",
    }
    kept = {
        "SLURM_CONF": "/etc/slurm.conf",
        "SLURM_JWT": "a key",
        "LSF_ENVDIR": "/etc",
        "PATH": "/bin",
    }
    assert outer_environment(inside | kept) == kept


def test_an_option_that_only_begins_like_another_is_kept():
    lines = ["--mem=4G", "--mem-per-cpu=2G", "-M 4", "-Modules"]
    assert apply_site(lines, ["--mem", "-M"], []) == ["--mem-per-cpu=2G", "-Modules"]
    assert apply_site(lines, ["--mem-per-cpu"], []) == ["--mem=4G", "-M 4", "-Modules"]


def test_a_script():
    text = script_text("SBATCH", ["--ntasks=1"], "cd /x\nexec y\n\n")
    assert text == "#!/usr/bin/env bash\n#SBATCH --ntasks=1\n\ncd /x\nexec y\n"
