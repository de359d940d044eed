# SPDX-License-Identifier: Apache-2.0
"""Which processes are ours, and which ports they answer on."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = [
    "HOST",
    "STOP_SECONDS",
    "SUPERVISOR",
    "bolt_answers",
    "client_connections",
    "free_port",
    "home_option",
    "is_server",
    "is_stray",
    "is_supervisor",
    "kill_process",
    "port_is_free",
    "stop_process",
    "strays",
    "token_option",
    "wait_until",
]

HOST = "127.0.0.1"
SUPERVISOR = "memwalk.store.server.supervisor"
_HANDSHAKE = bytes.fromhex("6060b017 00080805 00020404 00000000 00000000")
"""Bolt's magic number; versions 5.0 to 5.8, and 4.2 to 4.4."""
STOP_SECONDS = 60.0
"""How long a process may take to end before it is killed."""


def home_option(home: Path) -> str:
    """What every java process of a data directory has on its command line."""
    return f"-Dmemwalk.home={home}"


def token_option(token: str) -> str:
    """What the server of a record has on its command line."""
    return f"-Dmemwalk.server={token}"


def is_server(pid: int, token: str) -> bool:
    """Whether that process lives and is the server of that token."""
    return token_option(token) in _command(pid)


def is_supervisor(pid: int, home: Path) -> bool:
    """Whether that process lives and supervises that home."""
    command = _command(pid)
    return SUPERVISOR in command and str(home) in command


def strays(home: Path) -> list[int]:
    """Java processes of a home, whoever started them."""
    return [process.pid for process in psutil.process_iter() if is_stray(process.pid, home)]


def is_stray(pid: int, home: Path) -> bool:
    """Whether that process lives and is a java process of a home."""
    return home_option(home) in _command(pid)


def _command(pid: int) -> list[str]:
    """Arguments of a process; nothing if it is gone, a zombie, or somebody else's secret."""
    try:
        return psutil.Process(pid).cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied, ValueError):
        return []


def stop_process(pid: int, ours: Callable[[], bool], seconds: float) -> None:
    """Ask a process to end, and end it after so many seconds.

    Parameters
    ----------
    pid : int
    ours : callable
        Whether it still lives and is the one meant.
    seconds : float
    """
    with contextlib.suppress(psutil.NoSuchProcess):
        if ours():
            psutil.Process(pid).terminate()
        if not wait_until(lambda: not ours(), seconds):
            kill_process(pid, ours)


def kill_process(pid: int, ours: Callable[[], bool]) -> None:
    """End a process without asking, and wait until it is gone; `ours` as for `stop_process`."""
    with contextlib.suppress(psutil.NoSuchProcess):
        if ours():
            psutil.Process(pid).kill()
            wait_until(lambda: not ours(), STOP_SECONDS)


def wait_until(condition: Callable[[], bool], seconds: float, step: float = 0.05) -> bool:
    """Wait until something holds, at most so long; whether it does."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(step)
    return True


def client_connections(pid: int, ports: set[int]) -> int:
    """How many TCP clients are connected to those ports of a process."""
    try:
        connections = psutil.Process(pid).net_connections("tcp")
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0
    return sum(
        1 for c in connections if c.status == psutil.CONN_ESTABLISHED and c.laddr and c.raddr and c.laddr.port in ports
    )


def bolt_answers(port: int, seconds: float = 2.0) -> bool:
    """Whether a server there shakes hands.

    A connection alone proves nothing: the kernel accepts it for a process that hangs, or that was just killed.
    """
    try:
        with socket.create_connection((HOST, port), timeout=seconds) as connection:
            connection.sendall(_HANDSHAKE)
            return connection.recv(4).strip(b"\0") != b""
    except OSError:
        return False


def port_is_free(port: int) -> bool:
    """Whether a server could listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def becomes_free(port: int, seconds: float) -> bool:
    """Whether a port is free, or is let go of within some time, as by a process that was just killed."""
    deadline = time.monotonic() + seconds
    while not port_is_free(port):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.05)
    return True


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
