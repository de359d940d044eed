# SPDX-License-Identifier: Apache-2.0
"""An import is killed and its file is lost: what it left is told of, and taken back."""

from __future__ import annotations

import multiprocessing
import os
import signal
from typing import TYPE_CHECKING

import pytest
from tests.exchange_world import OWNER, build, fresh, run

from memwalk import policy
from memwalk.errors import ArchiveConflict, NotPermitted
from memwalk.payloads import PayloadStore
from memwalk.store import Store
from memwalk.store._check import check_graph
from memwalk.units import sweep_payloads
from memwalk.units.exchange import Archive, _import, discard_imports, export_archive, import_archive

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from memwalk.config import StoreSettings

COUNT = "MATCH (n) WHERE NOT n:Change AND NOT n:Counter RETURN labels(n)[0] AS label, count(*) ORDER BY label"
STAGED = "MATCH (n) WHERE n.policy_class STARTS WITH 'import:' RETURN count(n)"
BARE = (
    "MATCH (u:Unit {state: 'live'}) WHERE (u:Entity OR u:Fact) AND NOT EXISTS { (u)-[:EVIDENCED_BY]->(:Version) } "
    "RETURN count(u)"
)


@pytest.fixture
def reach(request: pytest.FixtureRequest, store_settings: Callable[[str], StoreSettings]) -> StoreSettings:
    """How another process reaches the test's store."""
    return store_settings(request.node.callspec.params["store"])


@pytest.fixture
def payloads(tmp_path: Path) -> PayloadStore:
    """Payloads."""
    return PayloadStore(tmp_path / "payloads")


def import_until(reach: StoreSettings, url: str, path: str, last: str) -> None:
    """Import by batches, and be killed at a stage."""
    _import.ONE_TRANSACTION, _import.BATCH_UNITS = 0, 8

    def progress(stage: str, done: int, total: int | None) -> None:
        if stage == last and done >= 16:
            os.kill(os.getpid(), signal.SIGKILL)

    with Store.connect(reach) as store:
        import_archive(store, PayloadStore(url), OWNER, path, progress=progress)


def kill_import(reach: StoreSettings, payloads: PayloadStore, path: Path, stage: str) -> None:
    """Import in another process, killed at a stage; the file is lost."""
    arguments = (reach, payloads.url, str(path), stage)
    process = multiprocessing.get_context("spawn").Process(target=import_until, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    path.unlink()


def test_a_killed_import_is_discarded(
    store: Store, reach: StoreSettings, payloads: PayloadStore, tmp_path: Path
) -> None:
    """Killed while staging: whoever imports is told the way; it leaves nothing, is recorded, and serves once."""
    build(store, payloads)
    export_archive(store, payloads, OWNER, tmp_path / "a.zip")
    export_archive(store, payloads, OWNER, tmp_path / "work.zip", spaces=["work"])
    fresh(store)
    empty = run(store, COUNT)
    with Archive(tmp_path / "a.zip") as archive:
        seal = archive.seal
    kill_import(reach, payloads, tmp_path / "a.zip", "stage")
    staged = store.read("store/count_versions")[0]["staged"]
    assert staged > 0
    with pytest.raises(ArchiveConflict, match="memwalk import --discard"):
        import_archive(store, payloads, OWNER, tmp_path / "work.zip")
    policy.create_principal(store, OWNER, "somebody")
    with pytest.raises(NotPermitted):
        discard_imports(store, "somebody")
    run(store, "MATCH (p:Principal {id: 'somebody'}) DETACH DELETE p")
    assert [(one.seal, one.units, one.kept) for one in discard_imports(store, OWNER)] == [(seal, staged, 0)]
    assert run(store, COUNT) == empty
    last = store.changes(store.watermark() - 1)[-1]
    assert (last.operation, last.principal, last.detail) == ("import", OWNER, {"archive": seal, "discarded": staged})
    latest = store.watermark()
    assert discard_imports(store, OWNER) == ()
    assert store.watermark() == latest
    assert import_archive(store, payloads, OWNER, tmp_path / "work.zip").units > 0


def test_what_was_revealed_stays_whole(
    store: Store, reach: StoreSettings, payloads: PayloadStore, tmp_path: Path
) -> None:
    """Killed while revealing: what is readable keeps its sources and parts, and what lost its evidence is retired."""
    build(store, payloads)
    export_archive(store, payloads, OWNER, tmp_path / "a.zip")
    fresh(store)
    kill_import(reach, payloads, tmp_path / "a.zip", "units")
    shown = "MATCH (v:Version) WHERE NOT v.policy_class STARTS WITH 'import:'"
    readable = run(store, f"{shown} RETURN count(v)")
    whole = f"{shown} MATCH (v)-[edge:WAS_DERIVED_FROM]->() RETURN count(edge)"
    before = run(store, whole)
    (found,) = discard_imports(store, OWNER)
    assert found.units > 0
    assert found.kept > 0
    assert run(store, whole) == before
    assert run(store, f"{shown} RETURN count(v)") == readable
    assert run(store, "MATCH (u:Unit) WHERE u.policy_class STARTS WITH 'import:' RETURN count(u)") == [[found.kept]]
    assert run(store, BARE) == [[0]]
    assert list(check_graph(store)) == []


def test_an_import_that_runs_on_is_told(
    store: Store, payloads: PayloadStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Discarded under a running import: that one fails, rather than report units that are gone."""
    monkeypatch.setattr(_import, "ONE_TRANSACTION", 0)
    monkeypatch.setattr(_import, "BATCH_UNITS", 8)
    build(store, payloads)
    export_archive(store, payloads, OWNER, tmp_path / "a.zip")
    fresh(store)

    def progress(stage: str, done: int, total: int | None) -> None:
        if stage == "link" and done == total:
            assert discard_imports(store, OWNER)

    with pytest.raises(ArchiveConflict, match="discarded meanwhile"):
        import_archive(store, payloads, OWNER, tmp_path / "a.zip", progress=progress)
    assert run(store, STAGED) == [[0]]
    import_archive(store, payloads, OWNER, tmp_path / "a.zip")
    assert run(store, STAGED) == [[0]]


def test_a_sweep_takes_nothing_from_a_long_import(
    store: Store, payloads: PayloadStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Payloads that were put long before they are named, and swept in between, are there when the import is done."""
    monkeypatch.setattr(_import, "ONE_TRANSACTION", 0)
    monkeypatch.setattr(_import, "BATCH_UNITS", 8)
    build(store, payloads)
    export_archive(store, payloads, OWNER, tmp_path / "a.zip")
    fresh(store)
    others = PayloadStore(tmp_path / "others")
    swept: list[str] = []

    def progress(stage: str, done: int, total: int | None) -> None:
        swept.extend(sweep_payloads(store, others, older_than=-60.0).payloads)  # as if an hour had gone by

    import_archive(store, others, OWNER, tmp_path / "a.zip", progress=progress)
    named = {row["payload"] for row in store.read("units/list_payloads")}
    assert named
    assert named <= set(swept)
    for sha256 in named:
        assert others.get(sha256)
