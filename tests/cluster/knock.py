"""Says "in" or "out": whether a scheduler lets a client in.

    python knock.py SCHEDULER TLS_FOLDER own|foreign|none|plain

With the run's own key, with one made here, with none, or without TLS at all.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from distributed import Client, Security

PATIENCE_S = 3


@contextlib.contextmanager
def _security(folder: str, how: str) -> Iterator[Security | None]:
    certificate = f"{folder}/certificate.pem"
    names = {"tls_ca_file": certificate, "require_encryption": True}
    if how == "own":
        pair = {"tls_client_cert": certificate, "tls_client_key": f"{folder}/key.pem"}
        yield Security(**names, **pair)
    elif how == "none":
        yield Security(**names)
    elif how == "foreign":
        made = Security.temporary()
        with tempfile.TemporaryDirectory() as place:
            key, own = Path(place, "key.pem"), Path(place, "certificate.pem")
            key.write_text(made.tls_client_key)
            own.write_text(made.tls_client_cert)
            pair = {"tls_client_cert": str(own), "tls_client_key": str(key)}
            # It believes the scheduler; the scheduler must not believe it.
            yield Security(**names, **pair)
    else:
        yield None


def main(address: str, folder: str, how: str) -> None:
    """Try to run something."""
    if how == "plain":
        address = address.replace("tls://", "tcp://")
    with _security(folder, how) as security:
        try:
            with Client(address, security=security, timeout=PATIENCE_S) as client:
                client.run_on_scheduler(os.getpid)
                answer = "in"
        except (OSError, ValueError, TypeError):
            answer = "out"
    print(answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
