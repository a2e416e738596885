"""Runs one command of the double: `main.py HOME bsub|bjobs|bkill|run ARGUMENT...`."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # Called by its path, from anywhere.
    sys.path[0] = str(Path(__file__).resolve().parents[3])

    from tests.cluster.lsf_double import bjobs, bkill, blaunch, bsub, runner
    from tests.cluster.lsf_double.home import Home

    folder, command, *arguments = sys.argv[1:]
    home = Home(Path(folder))
    if command == "run":
        sys.exit(runner.run(arguments[0], home))
    if command == "launched":
        blaunch.become(arguments)
    commands = {"bsub": bsub.run, "bjobs": bjobs.run, "bkill": bkill.run}
    commands["blaunch"] = blaunch.run
    sys.exit(commands[command](arguments, home))
