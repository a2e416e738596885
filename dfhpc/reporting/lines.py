"""Lines of output, where a bar of progress may be shown below them."""

import sys


def print_line(text: str) -> None:
    """Print ``text`` above the bar, if there is one: who shows none imports no tqdm."""
    if "tqdm" in sys.modules:
        from tqdm import tqdm

        tqdm.write(text)
    else:
        print(text)
    sys.stdout.flush()
