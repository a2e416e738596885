"""Dask's performance report of each stage, written on the way and not only at its end.

The library writes one when a block ends well, so that a killed night leaves none.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfhpc.cluster.lazy import LazyPool
from dfhpc.runs import write_text

if TYPE_CHECKING:
    import distributed

logger = logging.getLogger(__name__)

EVERY_S = 300.0

LEAST_S = 5.0
"""Of a stage that was done sooner there is nothing to see."""


@contextlib.contextmanager
def reported_performance(pools: LazyPool, path: Path) -> Iterator[None]:
    """Write a report to ``path`` every five minutes and at the end of the block.

    ``path`` is written only where the block has work for Dask. A report that fails
    is left out: it must not end the work.
    """
    began = time.time()
    stop = threading.Event()

    def loop() -> None:
        while not stop.wait(EVERY_S):
            _write(pools, path, began)

    thread = threading.Thread(target=loop, name="performance", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        if time.time() - began > LEAST_S:
            _write(pools, path, began)


def _write(pools: LazyPool, path: Path, began: float) -> None:
    client: distributed.Client | None = getattr(pools.opened, "client", None)
    if client is None or client.status != "running":
        return
    try:
        text = client.sync(_report, client, began)
        write_text(path, text)
    except Exception as error:
        logger.debug("No performance report: %s", error)


async def _report(client: Any, began: float) -> str:
    found: str = await client.scheduler.performance_report(
        start=began, last_count=0, code="", mode="cdn"
    )
    return found
