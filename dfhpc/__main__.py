"""``python -m dfhpc``."""

from dfhpc.cli import main

if __name__ == "__main__":
    main()
