# SPDX-License-Identifier: Apache-2.0
"""Payloads: whole or absent, verified, stored once."""

from __future__ import annotations

import hashlib
import subprocess
from typing import TYPE_CHECKING

import pytest

from memwalk.errors import PayloadCorrupt, PayloadMissing, StorageFull
from memwalk.payloads import PayloadStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB."""
    mount = tmp_path / "disk"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(mount)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted: {made.stderr.strip()}")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


def test_round_trip_and_once(tmp_path: Path) -> None:
    """Bytes come back as they were; the same bytes are one file, named by their sha256."""
    payloads = PayloadStore(tmp_path)
    data = b"some tensors" * 100
    assert payloads.put(data) == payloads.put(data) == hashlib.sha256(data).hexdigest()
    assert payloads.get(payloads.put(data)) == data
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_other_file_systems(tmp_path: Path) -> None:
    """Any fsspec URL will do."""
    payloads = PayloadStore(f"memory://payloads{tmp_path}")
    assert payloads.get(payloads.put(b"data")) == b"data"


def test_missing_and_corrupt(tmp_path: Path) -> None:
    """A payload that is not there, or was changed on disk, is told, never returned."""
    payloads = PayloadStore(tmp_path)
    with pytest.raises(PayloadMissing):
        payloads.get("0" * 64)
    digest = payloads.put(b"data")
    next(tmp_path.rglob("*.safetensors")).write_bytes(b"date")
    with pytest.raises(PayloadCorrupt):
        payloads.get(digest)


def test_full_disk(small_disk: Path) -> None:
    """Nothing is left of a payload that did not fit, and smaller ones still do."""
    payloads = PayloadStore(small_disk)
    kept = payloads.put(b"small")
    with pytest.raises(StorageFull, match="free some"):
        payloads.put(bytes(3_000_000))
    assert payloads.get(kept) == b"small"
    assert [path.stem for path in small_disk.rglob("*") if path.is_file()] == [kept]
