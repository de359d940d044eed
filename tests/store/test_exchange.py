# SPDX-License-Identifier: Apache-2.0
"""A subgraph out of one store and into another: equal but for the header, policy applied, whole or not at all."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest
from tests.exchange_world import OWNER, TENSORS, build, connect, fresh, members, passage, put, retire, run

from memwalk import policy
from memwalk.config import CURRENT, LTS
from memwalk.errors import (
    AlreadyExists,
    ArchiveConflict,
    ArchiveCorrupt,
    InvalidArgument,
    NotFound,
    NotPermitted,
    SchemaMismatch,
)
from memwalk.payloads import PayloadStore
from memwalk.units import NewUnit, get_unit, get_units, list_history
from memwalk.units.exchange import Archive, export_archive, import_archive, verify_archive

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from memwalk.config import StoreSettings
    from memwalk.store import Store

CLASS = policy.right_of("work")


@pytest.fixture
def payloads(tmp_path: Path) -> PayloadStore:
    """Payloads of the store exported from."""
    return PayloadStore(tmp_path / "payloads")


@pytest.fixture
def others(tmp_path: Path) -> PayloadStore:
    """Payloads of the store imported into."""
    return PayloadStore(tmp_path / "others")


def test_round_trip(store: Store, payloads: PayloadStore, others: PayloadStore, tmp_path: Path) -> None:
    """Export, an empty store, import, export again: every member has the same bytes."""
    build(store, payloads)
    told: list[tuple[str, int, int | None]] = []
    first = export_archive(
        store,
        payloads,
        OWNER,
        tmp_path / "a.zip",
        progress=lambda stage, done, total: told.append((stage, done, total)),
    )
    assert told[-1] == ("payloads", 1, 1)
    fresh(store)
    report = import_archive(store, others, OWNER, tmp_path / "a.zip")
    export_archive(store, others, OWNER, tmp_path / "b.zip")
    assert members(tmp_path / "a.zip") == members(tmp_path / "b.zip")
    assert (report.seal, report.present, report.payloads, report.left_out) == (first.seal, 0, 1, ())
    assert first.counts["units.jsonl"] == report.units > 20
    assert others.get(next(others.list()).sha256) == TENSORS
    change = next(c for c in store.changes(0) if c.operation == "import")
    assert change.detail == {"archive": first.seal}
    assert {"w-p1", "work", "alice"} <= set(change.units)


@pytest.mark.parametrize(("source", "target"), [(LTS, CURRENT), (CURRENT, LTS)])
def test_between_versions(
    source: str, target: str, store_settings: Callable[[str], StoreSettings], tmp_path: Path
) -> None:
    """What one Neo4j version exports the other imports, and exports again the same."""
    payloads, others = PayloadStore(tmp_path / "p"), PayloadStore(tmp_path / "q")
    with connect(store_settings, source) as store:
        build(store, payloads)
        export_archive(store, payloads, OWNER, tmp_path / "a.zip")
    with connect(store_settings, target) as store:
        import_archive(store, others, OWNER, tmp_path / "a.zip")
        export_archive(store, others, OWNER, tmp_path / "b.zip")
    assert members(tmp_path / "a.zip") == members(tmp_path / "b.zip")
    with Archive(tmp_path / "a.zip") as before, Archive(tmp_path / "b.zip") as after:
        assert before.header["neo4j"].startswith(source)
        assert after.header["neo4j"].startswith(target)


def test_imported_units_are_whole(store: Store, payloads: PayloadStore, others: PayloadStore, tmp_path: Path) -> None:
    """What was imported reads as before: history with who and what, rights of groups, denials, retired, derived."""
    build(store, payloads)
    export_archive(store, payloads, OWNER, tmp_path / "a.zip")
    every = policy.readable_classes(store, OWNER)
    history = list_history(store, every, "w-p2")
    note = get_unit(store, every, "w-n")
    rights = {name: policy.readable_classes(store, name) for name in (OWNER, "alice", "bob", "robot")}
    fresh(store)
    import_archive(store, others, OWNER, tmp_path / "a.zip")
    assert list_history(store, every, "w-p2") == history
    assert get_unit(store, every, "w-n") == note
    assert {name: policy.readable_classes(store, name) for name in rights} == rights
    assert rights["robot"] == [CLASS] != rights["alice"] == rights["bob"] != rights[OWNER]
    assert get_units(store, every, ["w-p3", "w-r"]) == {}
    put(store, passage("w-p3", "work", "It is back."))
    assert get_unit(store, every, "w-p3").seq == 3
    chain = "MATCH (u:Unit {id: 'w-p2'})-[:HEAD]->(v)-[:PREVIOUS]->(o) RETURN v.seq, o.seq, o.tx_to = v.tx_from"
    assert run(store, chain) == [[2, 1, True]]


def test_nothing_of_the_unreadable(store: Store, payloads: PayloadStore, tmp_path: Path) -> None:
    """Who may not read a space exports, byte for byte, what a store without that space gives."""
    build(store, payloads)
    freeze = "MATCH (n) WHERE n:Version OR n:Unit RETURN count(n)"
    assert run(store, freeze)[0][0] > 40
    for name in ("alice", "bob", "robot"):
        export_archive(store, payloads, name, tmp_path / f"{name}.zip")
    found = {name: members(tmp_path / f"{name}.zip") for name in ("alice", "bob", "robot")}
    hidden = "MATCH (u:Unit) WHERE u.space = 'home' OR u.id IN ['w-s', 'h-e', 'h-f'] "
    run(store, hidden + "MATCH (v:Version {unit_id: u.id}) DETACH DELETE v")
    run(store, hidden + "DETACH DELETE u")
    run(store, "MATCH (s:Space {id: 'home'})<-[:ON]-(r:Right) DETACH DELETE s, r")
    run(store, "MATCH (c:PolicyClass) WHERE c.key CONTAINS 'home' DETACH DELETE c")
    run(store, "MATCH (a:Activity) WHERE NOT EXISTS { (a)--(:Version) } DETACH DELETE a")
    for name, seen in found.items():
        export_archive(store, payloads, name, tmp_path / f"{name}.zip", replace=True)
        assert members(tmp_path / f"{name}.zip") == seen
        text = b"".join(seen.values())
        for secret in (b'"h-', b"home", b"diary", b"grace h", b"a question", b"w-s"):
            assert secret not in text
    rows = [json.loads(line) for line in found["alice"]["evidence.jsonl"].splitlines()]
    assert {(row["id"], row["source"], row["count"]) for row in rows} >= {("e-ada", "w-p1", 2), ("w-f", "w-p1", 2)}
    assert b'"w-u"' in found["alice"]["units.jsonl"]
    assert b"w-o" not in found["robot"]["units.jsonl"]
    assert b"w-o" in found["alice"]["units.jsonl"]
    assert found["alice"]["grants.jsonl"] == b""
    assert b'"denied"' in found["bob"]["grants.jsonl"]
    details = {row["detail"] for row in map(json.loads, found["bob"]["activities.jsonl"].splitlines())}
    assert details == {"", "work", "by hand"}


def test_what_others_exported_imports(
    store: Store, payloads: PayloadStore, others: PayloadStore, tmp_path: Path
) -> None:
    """A reader's file goes into an empty store, and comes out of it for its administrator with the same units."""
    build(store, payloads)
    export_archive(store, payloads, "alice", tmp_path / "a.zip")
    export_archive(store, payloads, OWNER, tmp_path / "work.zip", spaces=["work"])
    for name in ("a.zip", "work.zip"):
        fresh(store)
        import_archive(store, others, OWNER, tmp_path / name)
        export_archive(store, others, OWNER, tmp_path / "b.zip", replace=True)
        before, after = members(tmp_path / name), members(tmp_path / "b.zip")
        same = before.keys() - {"principals.jsonl", "spaces.jsonl"}
        assert {member: after[member] for member in same} == {member: before[member] for member in same}


def test_selection(store: Store, payloads: PayloadStore, others: PayloadStore, tmp_path: Path) -> None:
    """Units come with their parts and all they were made from; of a shared entity only what these evidence."""
    build(store, payloads)

    def ids(**chosen: list[str]) -> set[str]:
        export_archive(store, payloads, OWNER, tmp_path / "a.zip", replace=True, **chosen)  # type: ignore[arg-type]
        with Archive(tmp_path / "a.zip") as archive:
            verify_archive(archive)
            return {row["id"] for row in archive.rows("units.jsonl")}

    document = {"w-d", "w-p1", "w-p2", "w-p3", "e-ada", "w-e", "w-f"}
    assert ids(units=["w-d"]) == document
    assert ids(units=["w-p2"]) == {"w-d", "w-p2"}
    assert ids(units=["w-kv"]) == document - {"w-p3"} | {"w-kv"}
    assert ids(units=["w-s"]) == {"w-s", "w-p1", "w-d", "h-p1", "h-d", "e-ada", "w-e", "w-f", "h-e", "h-f"}
    assert ids(spaces=["home"]) == {"h-d", "h-p1", "h-p2", "h-p3", "h-n", "e-ada", "h-e", "h-f"}
    for chosen, error in ((["e-ada"], InvalidArgument), (["nothing"], NotFound)):
        with pytest.raises(error):
            export_archive(store, payloads, OWNER, tmp_path / "b.zip", units=chosen)
    for space in ("home", "nothing"):
        with pytest.raises(NotFound, match=space):
            export_archive(store, payloads, "alice", tmp_path / "b.zip", spaces=[space])
    assert not (tmp_path / "b.zip").exists()


def test_again_and_beside_others(store: Store, payloads: PayloadStore, others: PayloadStore, tmp_path: Path) -> None:
    """Importing twice changes nothing; two files of one store meet in another, entities become one."""
    build(store, payloads)
    export_archive(store, payloads, OWNER, tmp_path / "a.zip")
    export_archive(store, payloads, OWNER, tmp_path / "home.zip", spaces=["home"])
    export_archive(store, payloads, OWNER, tmp_path / "work.zip", spaces=["work"], units=["w-d"])
    again = import_archive(store, payloads, OWNER, tmp_path / "a.zip")
    assert (again.units, again.spaces, again.principals) == (0, (), ())
    export_archive(store, payloads, OWNER, tmp_path / "b.zip")
    assert members(tmp_path / "a.zip") == members(tmp_path / "b.zip")
    fresh(store)
    import_archive(store, others, OWNER, tmp_path / "home.zip")
    report = import_archive(store, others, OWNER, tmp_path / "work.zip")
    assert report.present > 0
    export_archive(store, others, OWNER, tmp_path / "c.zip")
    whole, met = members(tmp_path / "a.zip"), members(tmp_path / "c.zip")
    for member in ("derivations.jsonl", "evidence.jsonl", "vectors.safetensors", "grants.jsonl"):
        assert met[member] == whole[member]
    assert [json.loads(line)["id"] for line in met["units.jsonl"].splitlines()] == [
        json.loads(line)["id"] for line in whole["units.jsonl"].splitlines()
    ]


def test_forgotten_entity_lives_again(store: Store, payloads: PayloadStore, tmp_path: Path) -> None:
    """An entity that the store had forgotten is found again when imported evidence names it."""
    build(store, payloads)
    export_archive(store, payloads, OWNER, tmp_path / "a.zip", spaces=["work"])
    fresh(store)
    put(store, passage("x", "default", "Ada."), NewUnit("e-ada", "Entity", "ada", ""))
    retire(store, "e-ada")
    import_archive(store, payloads, OWNER, tmp_path / "a.zip")
    assert get_units(store, [CLASS], ["e-ada"]).keys() == {"e-ada"}
    assert run(store, "MATCH (u:Unit {id: 'e-ada'}) RETURN u.seq, size(u.vector)") == [[3, 4]]


def test_conflicts_are_refused(store: Store, payloads: PayloadStore, others: PayloadStore, tmp_path: Path) -> None:
    """A unit, space or principal that is there and not the same is named, and nothing is written."""
    build(store, payloads)
    export_archive(store, payloads, OWNER, tmp_path / "a.zip")
    cases: list[tuple[str, Callable[[], object]]] = [
        ("w-n", lambda: put(store, NewUnit("w-n", "Note", "a note", "Other words.", "default"))),
        ("work", lambda: policy.create_space(store, OWNER, "work", local_only=True)),
        ("alice", lambda: policy.create_principal(store, OWNER, "alice", kind="group")),
        ("e-ada", lambda: put(store, NewUnit("e-ada", "Entity", "charles", ""))),
    ]
    for name, change in cases:
        fresh(store)
        change()
        before = run(store, "MATCH (n) RETURN count(n)")
        with pytest.raises(ArchiveConflict, match=name) as caught:
            import_archive(store, others, OWNER, tmp_path / "a.zip")
        assert caught.value.name == name
        assert run(store, "MATCH (n) RETURN count(n)") == before
    fresh(store)
    import_archive(store, others, OWNER, tmp_path / "a.zip")
    put(store, NewUnit("w-n", "Note", "a note", "A newer version.", "work"))
    with pytest.raises(ArchiveConflict, match="other versions"):
        import_archive(store, others, OWNER, tmp_path / "a.zip")


def test_other_embedder_is_refused(store: Store, payloads: PayloadStore, tmp_path: Path) -> None:
    """Vectors of another embedder are not mixed in; a store without one takes the file's."""
    build(store, payloads)
    export_archive(store, payloads, OWNER, tmp_path / "a.zip")
    fresh(store)
    run(store, "MATCH (s:Store) SET s.embedder = 'another'")
    with pytest.raises(SchemaMismatch, match="embedder"):
        import_archive(store, payloads, OWNER, tmp_path / "a.zip")
    run(store, "MATCH (s:Store) REMOVE s.embedder")
    import_archive(store, payloads, OWNER, tmp_path / "a.zip")
    assert run(store, "MATCH (s:Store) RETURN s.embedder")[0][0] == "e" * 64


def test_only_administrators_import(store: Store, payloads: PayloadStore, tmp_path: Path) -> None:
    """A file decides who may read: others than the store's administrators are refused."""
    build(store, payloads)
    export_archive(store, payloads, OWNER, tmp_path / "a.zip")
    with pytest.raises(NotPermitted):
        import_archive(store, payloads, "bob", tmp_path / "a.zip")


def test_a_file_does_not_widen(store: Store, payloads: PayloadStore, tmp_path: Path) -> None:
    """What is granted on spaces and groups that were there is left out and told of, unless it is asked for."""
    build(store, payloads)
    export_archive(store, payloads, OWNER, tmp_path / "a.zip", spaces=["work"])
    fresh(store)
    policy.create_space(store, OWNER, "work")
    policy.create_principal(store, OWNER, "staff", kind="group")
    put(store, passage("mine", "work", "Not for staff."))
    report = import_archive(store, payloads, OWNER, tmp_path / "a.zip")
    assert set(report.left_out) >= {"staff granted reader on space work", "editors in staff", "robot in staff"}
    assert get_units(store, policy.readable_classes(store, "robot"), ["mine"]) == {}
    assert get_units(store, policy.readable_classes(store, "alice"), ["mine", "w-o"]).keys() == {"w-o"}
    wide = import_archive(store, payloads, OWNER, tmp_path / "a.zip", widen=True)
    assert wide.left_out == ()
    assert get_units(store, policy.readable_classes(store, "robot"), ["mine"]).keys() == {"mine"}


def test_file_is_not_overwritten(store: Store, payloads: PayloadStore, tmp_path: Path) -> None:
    """A file that is there stays unless replaced; a folder that is not is told; no scratch is left."""
    (tmp_path / "a.zip").write_text("mine")
    with pytest.raises(AlreadyExists):
        export_archive(store, payloads, OWNER, tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_text() == "mine"
    with pytest.raises(InvalidArgument, match="path"):
        export_archive(store, payloads, OWNER, tmp_path / "no" / "a.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]
    with pytest.raises(ArchiveCorrupt):
        import_archive(store, payloads, OWNER, tmp_path / "a.zip")


def test_of_one_moment(store: Store, payloads: PayloadStore, tmp_path: Path) -> None:
    """With writers at work meanwhile, each export is whole in itself, and they go on afterwards."""
    build(store, payloads)
    stop = threading.Event()
    written = 0

    def write() -> None:
        nonlocal written
        while not stop.is_set():
            put(store, *(NewUnit(f"n{written}-{n}", "Note", "n", "t", "work") for n in range(7)))
            written += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for number in range(4):
            export_archive(store, payloads, OWNER, tmp_path / f"{number}.zip")
            with Archive(tmp_path / f"{number}.zip") as archive:
                verify_archive(archive)
                notes = [row["id"] for row in archive.rows("units.jsonl") if row["id"].startswith("n")]
            assert len(notes) % 7 == 0
    finally:
        stop.set()
        thread.join()
    assert written > 4
