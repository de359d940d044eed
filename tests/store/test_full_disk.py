# SPDX-License-Identifier: Apache-2.0
"""A disk that fills up while the local server writes: told as such, and nothing acknowledged is lost."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests import writers

import memwalk
from memwalk.config import CURRENT, LTS
from memwalk.errors import StorageFull, StoreError
from memwalk.store.server import LocalServer
from memwalk.units import NewUnit, new_id, put_units, record_activity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from memwalk.config import Settings


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 200 MB."""
    mount = tmp_path / "disk"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", str(mount)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted: {made.stderr.strip()}")
    yield mount
    deadline = time.monotonic() + 30  # a process that has just ended holds its files a moment longer
    while subprocess.run(["umount", str(mount)], check=False).returncode != 0:
        assert time.monotonic() < deadline, "something still uses the disk"
        time.sleep(0.2)


def test_disk_fills_while_writing(disk: Path, settings: Settings) -> None:
    """The write that does not fit is refused as a whole; with room again the next open has all the others."""
    where = disk / "store"
    acknowledged = 0
    try:
        with memwalk.open(where, principal="owner", settings=settings) as memory:
            store = memory._session.store
            room = os.statvfs(disk)
            (disk / "filler").write_bytes(bytes(room.f_bavail * room.f_frsize - 6_000_000))
            caught: StoreError | None = None
            while caught is None:
                units = [
                    NewUnit(
                        new_id(),
                        "Document",
                        "d",
                        "x" * 2_000,
                        space="default",
                    )
                    for _ in range(500)
                ]
                try:
                    store.write(
                        lambda tx, units=units: put_units(tx, record_activity(tx, "owner", "test"), units),  # type: ignore[misc]
                        operation="test",
                        principal="owner",
                    )
                    acknowledged += 500
                except StoreError as error:
                    caught = error
        assert isinstance(caught, StorageFull)
        assert str(where) in str(caught)
        (disk / "filler").unlink()
        LocalServer(where, settings.server, settings.cache_directory()).stop()
        with memwalk.open(where, principal="owner", settings=settings) as memory:
            whole = memory.cypher("MATCH (u:Document)-[:HEAD]->(:Version) RETURN count(u)")[1][0][0]
            every = memory.cypher("MATCH (u:Document) RETURN count(u)")[1][0][0]
        assert every == whole
        assert whole % 500 == 0
        assert acknowledged <= whole <= acknowledged + 500
    finally:
        LocalServer(where, settings.server, settings.cache_directory()).stop()


@pytest.mark.parametrize("watched", [True, False])
@pytest.mark.parametrize("version", [LTS, CURRENT])
def test_disk_fills_within_one_record_of_the_log(version: str, watched: bool, disk: Path, settings: Settings) -> None:
    """A torn record at the end of the log: the store starts again with all before it, whoever finds the server so.

    The record needs more than 12 MB in a log file of which 6 MB are there, so the disk fills within it. The server is
    then `watched` on the full disk, where its supervisor ends it, or there is room again when it is asked to end.
    """
    where = disk / "store"
    settings = replace(settings, server=replace(settings.server, version=version, idle_seconds=60.0))
    server = LocalServer(where, settings.server, settings.cache_directory())
    big = [writers.document(new_id(), "x" * 6_000, "big") for _ in range(1_000)]
    try:
        with memwalk.open(where, principal="owner", settings=settings) as memory:
            store = memory._session.store
            writers.put(store, [writers.document(new_id(), "a text", "small") for _ in range(100)])
            room = os.statvfs(disk)
            (disk / "filler").write_bytes(bytes(room.f_bavail * room.f_frsize - 4_000_000))
            with pytest.raises(StorageFull, match="whole or not at all"):
                writers.put(store, big)
            deadline = time.monotonic() + 60
            while watched and server.status() is not None:
                assert time.monotonic() < deadline, "its database has stopped, but the server still runs"
                time.sleep(0.1)
            (disk / "filler").unlink()
        server.stop()
        with memwalk.open(where, principal="owner", settings=settings) as memory:
            store = memory._session.store
            assert writers.rows(store, "MATCH (u:Unit) RETURN u.name, count(u)") == [["small", 100]]
            writers.put(store, big[:10])
            writers.check_history(store)
    finally:
        server.stop()
