"""The program of the probe job: ``python -m dfhpc.doctor.node ORDER``.

It writes what it finds beside the order, in one file, whole or not at all.
"""

import subprocess
import sys
from pathlib import Path

from dfhpc.doctor.node_facts import FACTS
from dfhpc.errors import DfhpcError
from dfhpc.runs import read_json, write_json

REPORT = "report.json"


def main() -> None:
    """Gather the facts that the order asks for; one that fails harms no other."""
    path = Path(sys.argv[1])
    order = read_json(path)
    report = {}
    for name in order["facts"]:
        try:
            report[name] = FACTS[name](order, path.parent)
        except (DfhpcError, OSError, ValueError, subprocess.SubprocessError) as error:
            report[name] = {"error": f"{type(error).__name__}: {error}"}
    write_json(path.parent / REPORT, report)


if __name__ == "__main__":
    main()
