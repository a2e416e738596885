"""The fresh process of `measure.measure_call`: one function, once."""

import importlib
import json
import sys
from pathlib import Path


def main(name: str, result: str, arguments: str) -> None:
    """Call ``module:function`` with JSON ``arguments`` and write what it returns."""
    module, _, function = name.partition(":")
    value = getattr(importlib.import_module(module), function)(*json.loads(arguments))
    Path(result).write_text(json.dumps(value), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
