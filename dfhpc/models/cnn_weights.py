"""Where a network's first weights come from: Keras's ImageNet files, or one's own."""

import hashlib
import os
import socket
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from dfhpc.errors import ModelError
from dfhpc.model_configs import CnnConfig
from dfhpc.models.cnn_bases import BASES, WeightsFile
from dfhpc.models.cnn_runtime import load_keras

FETCH_TIMEOUT_S = 30.0
"""How long a server may be silent: some clusters drop what goes out, without a word."""


def cached_path(file: WeightsFile) -> Path:
    """Return where Keras keeps a file of weights; ``KERAS_HOME`` moves its folder."""
    home = os.environ.get("KERAS_HOME") or "~/.keras"
    return Path(home).expanduser() / "models" / file.name


def ensure_weights(config: CnnConfig) -> Path | None:
    """Return the file that the base begins with, fetched if need be; None for none.

    Raises
    ------
    ModelError
        When there is no such file, and it cannot be fetched.
    """
    if config.weights == "none":
        return None
    if config.weights != "imagenet":
        path = Path(config.weights)
        if not path.is_file():
            raise ModelError(
                f"There is no file {path}, which weights of the CNN names; write "
                'weights = "imagenet", "none", or the path of Keras weights of '
                f"{config.base} without its top layers."
            )
        return path
    file = BASES[config.base].weights
    path = cached_path(file)
    if path.is_file() and _md5(path) == file.md5:
        return path
    return _fetch(config, file, path)


def _md5(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "md5").hexdigest()


def _fetch(config: CnnConfig, file: WeightsFile, path: Path) -> Path:
    """Let Keras fetch a file of weights."""
    keras = load_keras().keras
    try:
        # Keras talks of a download on stdout, where results are.
        with _impatient(), redirect_stdout(sys.stderr):
            found = keras.utils.get_file(
                file.name,
                file.url,
                cache_dir=str(path.parents[1]),
                cache_subdir="models",
                file_hash=file.md5,
            )
    except Exception as error:
        # Keras raises Exception itself where a file cannot be fetched.
        raise ModelError(
            f"The ImageNet weights of {config.base} are not at {path} and cannot be "
            f"fetched from here ({str(error).split(' -- ')[-1]}); fetch {file.url} "
            f"where there is a network and put it there as {path}."
        ) from error
    return Path(found)


@contextmanager
def _impatient() -> Iterator[None]:
    """Let no connection of the block be silent for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(FETCH_TIMEOUT_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def load_base_weights(base: Any, config: CnnConfig) -> None:
    """Give a base its first weights.

    Raises
    ------
    ModelError
        When the file does not hold weights of this base.
    """
    path = ensure_weights(config)
    if path is None:
        return
    try:
        with warnings.catch_warnings(record=True) as told:
            # Keras warns of each layer that does not fit; the error below tells of all.
            warnings.simplefilter("always")
            base.load_weights(str(path))
    except (ValueError, OSError, KeyError) as error:
        reason = "it is of another network"
        if isinstance(error, OSError):
            reason = "it is damaged, or no file of Keras weights"
        raise ModelError(
            f"{path} does not hold weights of {config.base} without its top layers "
            f"({reason})."
        ) from error
    for one in told:
        warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
