"""Probes of this host's network."""

import errno
import ipaddress
import socket
import warnings

from dfhpc.doctor.finding import Outcome, failure, ok, skipped, warning
from dfhpc.doctor.visit import Visit


def interface_address(name: str) -> str | None:
    """Return the IPv4 address of a network interface of this host, None if none."""
    import psutil

    for address in psutil.net_if_addrs().get(name, []):
        if address.family == socket.AF_INET:
            return str(address.address)
    return None


def interface_names() -> list[str]:
    """Return the interfaces of this host that have an IPv4 address."""
    import psutil

    return [name for name in psutil.net_if_addrs() if interface_address(name)]


def own_address(interface: str | None) -> str:
    """Return the address by which Dask would have workers find this host."""
    if interface and (found := interface_address(interface)):
        return found
    from distributed.utils import get_ip

    with warnings.catch_warnings():
        # A host without a way out makes Dask warn and name 127.0.0.1.
        warnings.simplefilter("ignore", RuntimeWarning)
        return str(get_ip())


def address(visit: Visit) -> Outcome:
    """Say whether this host has an address that a node could connect to."""
    name = visit.cluster.interface
    if name and interface_address(name) is None:
        names = ", ".join(interface_names())
        return warning(
            f"This host has no interface {name} with an IPv4 address, only {names}.",
            "cluster.interface = one that login node and nodes have, or dfhpc submit, "
            "whose driver is on a node",
        )
    found = own_address(name)
    if ipaddress.ip_address(found).is_loopback:
        names = ", ".join(interface_names())
        return warning(
            f"Dask would give this host's address as {found}, where no node finds it.",
            f"cluster.interface = one of {names}",
        )
    return ok(f"Workers would find a scheduler here at {found}.")


def scheduler_port(visit: Visit) -> Outcome:
    """Say whether the port of the scheduler is free."""
    port = visit.cluster.scheduler_port
    if not port:
        return skipped("The recipe names no cluster.scheduler_port: any free one.")
    with socket.socket() as door:
        # As the scheduler itself: what has just been closed is no obstacle.
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(("", port))
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            why = "taken" if taken else error.strerror
            return warning(
                f"Port {port} of this host is not to be had: {why}.",
                "cluster.scheduler_port = 0, or another number",
            )
    return ok(f"Port {port} is free.")


def dask_scheduler(visit: Visit) -> Outcome:
    """Ask a running Dask scheduler for its workers."""
    from dfhpc.cluster.remote import remote_pool
    from dfhpc.errors import ClusterError

    where = visit.cluster.address
    try:
        with remote_pool(visit.cluster) as pool:
            count = pool.count_workers()
    except ClusterError as error:
        return failure(str(error), "start one, or mend cluster.address")
    if not count:
        return failure(f"The scheduler at {where} has no workers.", "start some there")
    return ok(f"The scheduler at {where} answers; workers: {count}.")
