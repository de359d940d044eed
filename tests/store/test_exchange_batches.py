# SPDX-License-Identifier: Apache-2.0
"""Large files go in by batches: unseen until whole, taken back when stopped, gone on with after a crash."""

from __future__ import annotations

import errno
import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.exchange_world import OWNER, build, fresh, members, run

from memwalk import policy
from memwalk.errors import ArchiveConflict, StorageFull
from memwalk.payloads import PayloadStore
from memwalk.units.exchange import _import, export_archive, import_archive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from memwalk.progress import Progress
    from memwalk.store import Store


def stop_at(last: str, count: int = 1) -> Progress:
    """A progress callback that stops at a stage."""

    def progress(stage: str, done: int, total: int | None) -> None:
        if stage == last and done >= count:
            raise KeyboardInterrupt

    return progress


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a file of this size were large."""
    monkeypatch.setattr(_import, "ONE_TRANSACTION", 0)
    monkeypatch.setattr(_import, "BATCH_UNITS", 8)


@pytest.fixture
def payloads(tmp_path: Path) -> PayloadStore:
    """Payloads."""
    return PayloadStore(tmp_path / "payloads")


def everything(store: Store) -> list[list[object]]:
    """How many nodes of each label there are, the audit records aside."""
    text = "MATCH (n) WHERE NOT n:Change AND NOT n:Counter RETURN labels(n)[0] AS label, count(*) ORDER BY label"
    return run(store, text)


def seen(store: Store) -> int:
    """Units that the owner, who may read everything, can read."""
    classes = policy.readable_classes(store, OWNER)
    return len(list(store.stream("exchange/stream_units", classes=classes)))


@pytest.mark.usefixtures("small_batches")
def test_batches(store: Store, payloads: PayloadStore, tmp_path: Path) -> None:
    """By batches the same comes out; stopped before it is all staged, nothing is left and nothing was to be seen."""
    build(store, payloads)
    export_archive(store, payloads, OWNER, tmp_path / "a.zip")
    fresh(store)
    empty = everything(store)
    for stage in ("stage", "link"):
        with pytest.raises(KeyboardInterrupt):
            import_archive(store, payloads, OWNER, tmp_path / "a.zip", progress=stop_at(stage, 16))
        assert everything(store) == empty
    shown: list[int] = []

    def look(stage: str, done: int, total: int | None) -> None:
        if stage in {"stage", "link", "rights", "entities"}:
            shown.append(seen(store))

    import_archive(store, payloads, OWNER, tmp_path / "a.zip", progress=look)
    assert set(shown) == {0}
    export_archive(store, payloads, OWNER, tmp_path / "b.zip")
    assert members(tmp_path / "a.zip") == members(tmp_path / "b.zip")


@pytest.mark.usefixtures("small_batches")
def test_import_again_goes_on(
    store: Store, payloads: PayloadStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a crash at any stage what is readable is whole, another file is refused, the same file completes it."""
    build(store, payloads)
    export_archive(store, payloads, OWNER, tmp_path / "a.zip")
    export_archive(store, payloads, OWNER, tmp_path / "work.zip", spaces=["work"])
    monkeypatch.setattr(_import._Import, "_discard", lambda _: None)  # a killed process takes nothing back
    for stage in ("stage", "rights", "units"):
        fresh(store)
        with pytest.raises(KeyboardInterrupt):
            import_archive(store, payloads, OWNER, tmp_path / "a.zip", progress=stop_at(stage, 16))
        half = run(
            store,
            "MATCH (v:Version) WHERE NOT v.policy_class STARTS WITH 'import:' "
            "AND NOT EXISTS { (v)-[:WAS_GENERATED_BY]->() } RETURN count(v)",
        )
        assert half == [[0]]
        if stage == "stage":
            with pytest.raises(ArchiveConflict, match="not finished"):
                import_archive(store, payloads, OWNER, tmp_path / "work.zip")
        import_archive(store, payloads, OWNER, tmp_path / "a.zip")
        export_archive(store, payloads, OWNER, tmp_path / "b.zip", replace=True)
        assert members(tmp_path / "a.zip") == members(tmp_path / "b.zip")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 kB."""
    mount = tmp_path / "disk"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(mount)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted: {made.stderr.strip()}")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


def test_full_disk(store: Store, payloads: PayloadStore, disk: Path, tmp_path: Path) -> None:
    """A disk that is full is told as such; no file, no scratch and nothing in the store is left."""
    build(store, payloads)
    room = os.statvfs(disk)
    (disk / "filler").write_bytes(bytes(room.f_bavail * room.f_frsize - 8_192))
    with pytest.raises(StorageFull) as caught:
        export_archive(store, payloads, OWNER, disk / "a.zip")
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.ENOSPC
    assert [path.name for path in disk.iterdir()] == ["filler"]
    export_archive(store, payloads, OWNER, tmp_path / "a.zip")
    fresh(store)
    empty = everything(store)
    (disk / "filler").write_bytes(bytes(room.f_bavail * room.f_frsize))
    with pytest.raises(StorageFull):
        import_archive(store, PayloadStore(disk / "payloads"), OWNER, tmp_path / "a.zip")
    assert everything(store) == empty


def test_stopped_export_leaves_no_file(store: Store, payloads: PayloadStore, tmp_path: Path) -> None:
    """Ctrl-C while it is written leaves neither half a file nor scratch, and writers are not held up."""
    build(store, payloads)
    for stage in ("units", "payloads"):
        with pytest.raises(KeyboardInterrupt):
            export_archive(store, payloads, OWNER, tmp_path / "a.zip", progress=stop_at(stage))
        assert [path.name for path in tmp_path.iterdir()] == ["payloads"]
    policy.create_space(store, OWNER, "later")
