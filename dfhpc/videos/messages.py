"""What a process and its decoder say to each other: JSON, and bytes behind it.

Nothing is unpickled: a decoder that a hostile file has taken over can say only what
stands here.
"""

import json
import struct
from collections.abc import Callable
from typing import Any

_LENGTHS = struct.Struct("<IQ")
"""Of the JSON, and of the bytes behind it."""

HEAD_BYTES = _LENGTHS.size

MOST_JSON_BYTES = 64 * 1024**2


class MessageError(ValueError):
    """The bytes are no message."""


def packed(message: dict[str, Any], num_bytes: int = 0) -> bytes:
    """Return a message, to be followed by ``num_bytes`` bytes of data."""
    text = json.dumps(message).encode()
    return _LENGTHS.pack(len(text), num_bytes) + text


def unpacked(
    receive: Callable[[int], bytes], most_bytes: int
) -> tuple[dict[str, Any], int]:
    """Return a message and how many bytes of data follow it.

    ``receive`` returns as many bytes as it is asked for.

    Raises
    ------
    MessageError
        When it is none, or more than ``most_bytes`` of data would follow.
    """
    length, num_bytes = _LENGTHS.unpack(receive(HEAD_BYTES))
    if length > MOST_JSON_BYTES or num_bytes > most_bytes:
        raise MessageError(f"{length} and {num_bytes} bytes are too many")
    try:
        message = json.loads(receive(length))
    except ValueError as error:
        raise MessageError(str(error)) from error
    if not isinstance(message, dict):
        raise MessageError(f"{message!r} is no object")
    return message, num_bytes
