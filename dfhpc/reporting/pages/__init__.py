"""Self-contained HTML pages: one file that opens anywhere, with no network."""

import base64
import functools
from pathlib import Path
from typing import Any

TEMPLATES_DIR = Path(__file__).parent / "templates"


def render(template: str, **values: Any) -> str:
    """Return the page that ``templates/template`` makes of ``values``.

    What is filled in is escaped: a name of a file may hold HTML.
    """
    return str(_environment().get_template(template).render(**values))


@functools.cache
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES_DIR),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def data_uri(image: bytes, kind: str = "png") -> str:
    """Return an image file's bytes as what an ``img`` may show without a file.

    >>> data_uri(b"abc")
    'data:image/png;base64,YWJj'
    """
    return f"data:image/{kind};base64,{base64.b64encode(image).decode('ascii')}"
