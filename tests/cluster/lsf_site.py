"""A test double of LSF over the SLURM of the tests; see lsf_double."""

import dataclasses
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

from tests.cluster.lsf_double.home import Settings
from tests.cluster.slurm_site import SlurmSite

COMMANDS = ("bsub", "bjobs", "bkill", "blaunch")
MAIN = Path(__file__).parent / "lsf_double" / "main.py"

LSF_CONF = """\
LSF_UNIT_FOR_LIMITS={unit}
LSB_JOB_MEMLIMIT=y
LSB_MEMLIMIT_ENFORCE=y
LSB_STDOUT_DIRECT=y
"""


class LsfSite:
    """The commands of LSF in a folder, to be put first in PATH."""

    def __init__(self, folder: Path, slurm: SlurmSite) -> None:
        """Write the commands and the configuration into a new ``folder``."""
        self.folder = folder
        self.slurm = slurm
        (folder / "bin").mkdir(parents=True)
        (folder / "conf").mkdir()
        self._settings = Settings(slurm.environment["SLURM_CONF"])
        self.set()
        self.set_unit(None)
        for name in COMMANDS:
            self._write_command(name)

    def set(self, **settings: float | str) -> None:
        """Change what administrators choose; see lsf_double.home.Settings."""
        self._settings = dataclasses.replace(self._settings, **settings)
        text = json.dumps(dataclasses.asdict(self._settings))
        (self.folder / "settings.json").write_text(text)

    def set_unit(self, unit: str | None) -> None:
        """Set LSF_UNIT_FOR_LIMITS in lsf.conf; None leaves it out: KB for -M."""
        lines = LSF_CONF.format(unit=unit).splitlines(keepends=True)
        path = self.folder / "conf" / "lsf.conf"
        path.write_text("".join(lines[0 if unit else 1 :]))

    @property
    def environment(self) -> dict[str, str]:
        """Return the whole environment of a process; SLURM is not in it."""
        kept = self.slurm.environment
        del kept["SLURM_CONF"]
        path = f"{self.folder / 'bin'}{os.pathsep}{kept['PATH']}"
        return kept | {"PATH": path, "LSF_ENVDIR": str(self.folder / "conf")}

    def variables_of(self, job_id: str) -> dict[str, str]:
        """Return what tells the processes of a job from all others."""
        return {"LSB_JOBID": job_id, "LSF_ENVDIR": self.environment["LSF_ENVDIR"]}

    def run(self, *command: object, **kwargs) -> subprocess.CompletedProcess[str]:
        """Run a command as a user of the site would."""
        words = [str(word) for word in command]
        options = {"capture_output": True, "text": True, "timeout": 60} | kwargs
        return subprocess.run(words, check=False, env=self.environment, **options)

    def mail(self, job: str) -> str:
        """Return the output of a job that had no -o."""
        return (self.folder / "spool" / f"{job}.mail").read_text()

    def _write_command(self, name: str) -> None:
        words = [sys.executable, str(MAIN), str(self.folder), name]
        path = self.folder / "bin" / name
        path.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        path.chmod(0o755)
