# SPDX-License-Identifier: Apache-2.0
"""A disk that fills up while the local server writes: told as such, and nothing acknowledged is lost."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

import memwalk
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
    subprocess.run(["umount", str(mount)], check=True)


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
