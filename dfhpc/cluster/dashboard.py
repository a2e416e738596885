"""Where the dashboard is, for a person on another machine."""

import contextlib
import getpass
import os
import socket
import time
from typing import Any

import dask

from dfhpc.cluster_config import ClusterConfig
from dfhpc.locks import is_held_here
from dfhpc.runs import RunDirectory, read_record, write_json

LOCAL_PORT = 8787
"""The port that people know the dashboard by; on their own machine it is free."""

_DASK_TEMPLATE = "{scheme}://{host}:{port}/status"


def announce(
    run: RunDirectory, config: ClusterConfig, port: int, *, is_open: bool
) -> dict[str, Any]:
    """Write where the dashboard of this process is, and return it.

    One that is not open to other machines is reached through its own.
    """
    host = socket.gethostname()
    login, user = _login_host(), getpass.getuser()
    value = {
        "t": time.time(),
        "host": host,
        "port": port,
        "link": _link(config, host, port),
        "ssh": ssh_line(host, port, login, user, is_open=is_open),
    }
    write_json(run.dashboard_path, value)
    return value


def forget(run: RunDirectory) -> None:
    """Take back what was announced: the dashboard is gone, or was another driver's."""
    if is_held_here(run.lock_path):
        with contextlib.suppress(OSError):
            run.dashboard_path.unlink(missing_ok=True)


def read(run: RunDirectory) -> dict[str, Any] | None:
    """Return what was announced last, or None."""
    if not run.dashboard_path.exists():
        return None
    return read_record(run.dashboard_path, "t", "host", "port", "link", "ssh")


def ssh_line(
    host: str, port: int, login: str | None, user: str, *, is_open: bool
) -> str:
    """Return the line that brings the dashboard to a person's own machine.

    >>> ssh_line("node7", 40123, "login1", "ada", is_open=True)
    'ssh -N -L 8787:node7:40123 ada@login1'
    >>> ssh_line("node7", 40123, "login1", "ada", is_open=False)
    'ssh -N -J ada@login1 -L 8787:localhost:40123 ada@node7'
    >>> ssh_line("desk", 40123, None, "ada", is_open=False)
    'ssh -N -L 8787:localhost:40123 ada@desk'
    """
    if login is not None and is_open:
        return f"ssh -N -L {LOCAL_PORT}:{host}:{port} {user}@{login}"
    through = "" if login is None else f"-J {user}@{login} "
    return f"ssh -N {through}-L {LOCAL_PORT}:localhost:{port} {user}@{host}"


def _login_host() -> str | None:
    names = ("DFHPC_LOGIN_HOST", "SLURM_SUBMIT_HOST", "LSB_SUB_HOST")
    return next((os.environ[name] for name in names if name in os.environ), None)


def _link(config: ClusterConfig, host: str, port: int) -> str:
    """Return the address, through the site's proxy where there is one."""
    configured = dask.config.get("distributed.dashboard.link", _DASK_TEMPLATE)
    template = config.dashboard_link or configured or _DASK_TEMPLATE
    places = {"scheme": "http", "protocol": "http", "host": host, "port": str(port)}
    try:
        return str(template.format(**os.environ | places))
    except (KeyError, IndexError, ValueError):
        # A wrong template is no reason to lose a night.
        return _DASK_TEMPLATE.format(**places)
