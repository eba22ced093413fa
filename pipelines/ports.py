"""Ports of this machine's loopback interface: the one that is wanted, or one that is free.

What belongs here: choosing. What does not: who listens (`pipelines.services`).
"""

import socket
from collections.abc import Mapping

from burnish.errors import ProjectError

LOOPBACK = "127.0.0.1"


def choose_ports(
    usual: Mapping[str, int], named: Mapping[str, int | None], options: Mapping[str, str]
) -> dict[str, int]:
    """A port for each server: the one a person named, else the usual one, else any that is free.

    Raises `ProjectError`, with the option, where a named one is taken: somebody relies on it.
    """
    chosen: dict[str, int] = {}
    for name in usual:
        port = named.get(name)
        if port is None:
            continue
        if port in chosen.values():
            raise ProjectError(
                f"{options[name]} {port} is named for another server as well",
                expected="a port for each",
                hint="nothing was started",
            )
        if not _is_free(port):
            raise ProjectError(
                f"port {port} ({options[name]}) is in use",
                expected=f"a free port of {LOOPBACK}",
                hint=f"nothing was started; name another, or leave {options[name]} out",
            )
        chosen[name] = port
    for name, port in usual.items():
        if name not in chosen:
            taken = port in chosen.values() or not _is_free(port)
            chosen[name] = _any_free(chosen) if taken else port
    return chosen


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port whose last connections are still fading is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _any_free(chosen: Mapping[str, int]) -> int:
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((LOOPBACK, 0))
            port = probe.getsockname()[1]
        if port not in chosen.values():
            return port
