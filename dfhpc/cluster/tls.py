"""TLS between scheduler and workers: who is not this user may not send them code."""

import os
from pathlib import Path

from distributed import Security

from dfhpc.runs import RunDirectory


def make_security(run: RunDirectory) -> Security:
    """Write a new key for this driver and its workers; return what uses it.

    Scheduler and workers run whatever they are sent, and the nodes of a cluster have
    many users. The key lies in the run directory, readable by its owner only.
    """
    folder = run.cluster_dir / "tls"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    temporary = Security.temporary()
    certificate = folder / "certificate.pem"
    key = folder / "key.pem"
    _write_private(certificate, temporary.tls_ca_file)
    _write_private(key, temporary.tls_scheduler_key)
    names = {"tls_ca_file": str(certificate)}
    for role in ("scheduler", "worker", "client"):
        names[f"tls_{role}_cert"] = str(certificate)
        names[f"tls_{role}_key"] = str(key)
    return Security(require_encryption=True, **names)


def _write_private(path: Path, text: str) -> None:
    """Write a file that never was readable by others, and replace an older one."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    aside.replace(path)
