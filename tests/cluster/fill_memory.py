"""Lets a worker of a run, or its nanny, take memory and keep it.

    python fill_memory.py SCHEDULER TLS_FOLDER WORKER BYTES worker|nanny

It comes in as Dask's client, with the keys of the run, so that dfhpc needs no door for
its tests.
"""

import sys

from distributed import Client, Security


def fill(count: int) -> None:
    """Take memory, in the process that this is sent to."""
    import sys

    sys.modules["ballast"] = b"x" * count


def main(address: str, folder: str, name: str, count: str, where: str) -> None:
    """Send ``fill`` to one worker; it is not to be expected that it answers."""
    certificate, key = f"{folder}/certificate.pem", f"{folder}/key.pem"
    security = Security(
        require_encryption=True,
        tls_ca_file=certificate,
        tls_client_cert=certificate,
        tls_client_key=key,
    )
    with Client(address, security=security, set_as_default=False) as client:
        workers = client.scheduler_info(n_workers=-1)["workers"]
        (worker,) = [key for key, info in workers.items() if info["name"] == name]
        client.run(
            fill,
            int(count),
            workers=[worker],
            nanny=where == "nanny",
            on_error="ignore",
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
