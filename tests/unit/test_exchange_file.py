# SPDX-License-Identifier: Apache-2.0
"""Export files that are cut, changed or forged are refused, each with its place; no database is needed to tell."""

from __future__ import annotations

import hashlib
import io
import json
import random
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.numpy import save

from memwalk.errors import ArchiveCorrupt, ArchiveMismatch, SourceNotFound, SourceNotReadable
from memwalk.units.exchange import Archive, verify_archive
from memwalk.units.exchange._export import LARGE
from memwalk.units.exchange._format import MEMBERS, VECTORS, dump_row, payload_member, render_header

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Rows = dict[str, list[dict[str, Any]]]
PAYLOAD = bytes(save({"x": np.arange(6, dtype=np.float32)}))
SHA = hashlib.sha256(PAYLOAD).hexdigest()
VECTOR = bytes(save({"vectors": np.ones((2, 3), np.float32)}))


def rows() -> Rows:
    """A sound file's rows: a passage, an entity it evidences, a KV block made from it, and who may read them."""
    version = {"seq": 1, "state": "live", "content_hash": "h", "name": "n", "text": "t", "tx_from": 5, "activity": "a"}
    unit = {"seq": 1, "state": "live", "created_at": 5}
    work = {"rights": ["space:work"]}
    return {
        "spaces.jsonl": [{"id": "work", "local_only": False, "created_at": 1}],
        "principals.jsonl": [
            {"id": "alice", "kind": "user", "groups": ["staff"]},
            {"id": "staff", "kind": "group", "created_at": 2},
        ],
        "grants.jsonl": [{"principal": "staff", "type": "granted", "role": "reader", "space": "work", "from": 3}],
        "activities.jsonl": [{"id": "a", "name": "add", "detail": "work", "at": 5, "agent": "m", "principal": "alice"}],
        "units.jsonl": [
            {"id": "e", "kind": "Entity", "vector": True, **unit},
            {"id": "k", "kind": "KVBlock", "space": "work", **unit},
            {"id": "p", "kind": "Passage", "space": "work", "vector": True, **unit},
        ],
        "versions.jsonl": [
            {"id": "e", "kind": "Entity", **version},
            {"id": "k", "kind": "KVBlock", "payload": SHA, **version, **work},
            {"id": "p", "kind": "Passage", "ordinal": 0, **version, **work},
        ],
        "derivations.jsonl": [{"id": "k", "seq": 1, "source": "p", "source_seq": 1}],
        "evidence.jsonl": [{"id": "e", "source": "p", "source_seq": 1, "count": 2, "tx_from": 5}],
        "edges.jsonl": [{"source": "p", "type": "MENTIONS", "target": "e", "count": 2, "tx_from": 5}],
    }


def contents(given: Rows) -> dict[str, bytes]:
    """Members of a file with these rows."""
    members = {member: b"".join(map(dump_row, given[member])) for member in MEMBERS}
    return {**members, VECTORS: VECTOR, payload_member(SHA): PAYLOAD}


def header(members: dict[str, bytes], **changes: Any) -> dict[str, Any]:
    """The header of a file with these members."""
    listed: dict[str, Any] = {}
    for name, data in members.items():
        listed[name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        if name in MEMBERS:
            listed[name]["rows"] = data.count(b"\n")
        elif name == VECTORS:
            listed[name]["rows"] = 2
    facts = {"format": 1, "memwalk": "1", "neo4j": "5", "store": "u", "embedder": None, "created_at": 9}
    return {**facts, "members": listed, **changes}


def write(path: Path, members: dict[str, bytes], head: bytes | None = None, **how: Any) -> Path:
    """Write a file whose header is that of its members, unless another is given."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            packing = zipfile.ZIP_DEFLATED if name in MEMBERS else zipfile.ZIP_STORED
            archive.writestr(zipfile.ZipInfo(name), data, how.get("packing", packing))
        archive.writestr("header.json", render_header(header(members)) if head is None else head)
    return path


def verify(path: Path) -> None:
    """Read all of a file."""
    with Archive(path) as archive:
        verify_archive(archive)


def is_taken(path: Path, seal: str) -> bool:
    """Whether a spoilt file is taken; what it says is the same then."""
    try:
        with Archive(path) as archive:
            verify_archive(archive)
            assert archive.seal == seal
    except ArchiveCorrupt:
        return False
    return True


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a file is written."""
    return tmp_path / "a.zip"


def test_a_sound_file_is_taken(path: Path) -> None:
    """The file that all cases below spoil in one place is whole."""
    verify(write(path, contents(rows())))


def test_every_byte_counts(path: Path) -> None:
    """One byte changed anywhere in what a member holds, or the file cut anywhere, is refused."""
    whole = write(path, contents(rows())).read_bytes()
    with Archive(path) as sound:
        seal = sound.seal
    taken = 0
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        infos = archive.infolist()
    for info in infos:
        start = info.header_offset + 30 + len(info.filename)
        for place in range(start, start + info.compress_size):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
            if info.compress_type == zipfile.ZIP_STORED:
                with pytest.raises(ArchiveCorrupt, match=str(path)):
                    verify(path)
            else:  # some bits of a deflated member mean nothing: what is read is the same then
                taken += is_taken(path, seal)
    assert taken < 20
    for end in range(0, len(whole), 97):
        path.write_bytes(whole[:end])
        with pytest.raises(ArchiveCorrupt):
            verify(path)


def test_other_bytes_change_nothing(path: Path) -> None:
    """One byte changed anywhere, what zip itself writes included, is refused, or leaves what is read as it is."""
    whole = write(path, contents(rows())).read_bytes()
    with Archive(path) as archive:
        seal = archive.seal
    chance = random.Random(4)
    for place in chance.sample(range(len(whole)), 1_500):
        path.write_bytes(
            whole[:place] + bytes([whole[place] ^ chance.choice((1, 0x10, 0x80, 0xFF))]) + whole[place + 1 :]
        )
        is_taken(path, seal)


def row(member: str, number: int = 0, **changes: Any) -> Callable[[Rows], None]:
    """A change to fields of one row; None takes a field away."""

    def change(given: Rows) -> None:
        changed = {**given[member][number], **changes}
        given[member][number] = {name: value for name, value in changed.items() if value is not None}

    return change


def more(member: str, **fields: Any) -> Callable[[Rows], None]:
    """One more row, behind the others."""
    return lambda given: given[member].append({**given[member][-1], **fields})


def less(member: str, number: int = 0) -> Callable[[Rows], None]:
    """One row fewer."""

    def change(given: Rows) -> None:
        del given[member][number]

    return change


FORGED = {
    "field missing": (row("units.jsonl", state=None), "state"),
    "field unknown": (row("units.jsonl", colour="red"), "colour"),
    "wrong type": (row("units.jsonl", seq="1"), "seq"),
    "boolean for a number": (row("units.jsonl", created_at=True), "created_at"),
    "number too large": (row("units.jsonl", created_at=2**63), "created_at"),
    "no row": (lambda given: given["units.jsonl"].insert(0, []), "object"),
    "twice": (more("spaces.jsonl"), "behind"),
    "out of order": (lambda given: given["units.jsonl"].reverse(), "behind"),
    "space unknown": (row("units.jsonl", 2, space="home"), "home"),
    "space of an entity": (row("units.jsonl", space="work"), "space"),
    "space without a name": (row("spaces.jsonl", id="../work"), "space"),
    "state": (row("units.jsonl", state="purged"), "purged"),
    "shown": (row("units.jsonl", shown={"policy_class": "x"}), "policy_class"),
    "shown of another type": (row("units.jsonl", 2, shown={"ordinal": "x"}), "ordinal"),
    "metadata": (row("versions.jsonl", metadata="{"), "metadata"),
    "principal's kind": (row("principals.jsonl", kind="king"), "alice"),
    "group unknown": (row("principals.jsonl", groups=["kings"]), "kings"),
    "group that is none": (row("principals.jsonl", 1, groups=["alice"]), "alice"),
    "group in itself": (row("principals.jsonl", 1, groups=["staff"]), "itself"),
    "role": (row("grants.jsonl", role="emperor"), "role"),
    "grant to nobody": (row("grants.jsonl", principal="bob"), "principal"),
    "grant on nothing": (row("grants.jsonl", space="home"), "nothing"),
    "grant on a unit without a right": (row("grants.jsonl", space=None, unit="p"), "nothing"),
    "activity of nobody": (row("activities.jsonl", principal="bob"), "bob"),
    "activity unknown": (row("versions.jsonl", activity="b"), "activity"),
    "unit without versions": (less("versions.jsonl", 0), "no version"),
    "version of no unit": (less("units.jsonl", 2), "no unit"),
    "version of another kind": (row("versions.jsonl", kind="Fact"), "unit"),
    "head elsewhere": (row("units.jsonl", seq=2), "head"),
    "head that ended": (row("versions.jsonl", tx_to=9), "head"),
    "versions that overlap": (more("versions.jsonl", seq=2, tx_from=1), "before"),
    "fewer rights than its unit": (row("versions.jsonl", 2, rights=[]), "rights"),
    "rights of nothing": (row("versions.jsonl", 2, rights=["space:home", "space:work"]), "rights"),
    "rights of an entity": (row("versions.jsonl", rights=["space:work"]), "rights"),
    "payload not there": (row("versions.jsonl", 1, payload="0" * 64), "payloads"),
    "payload nobody names": (row("versions.jsonl", 1, payload=None), "payloads"),
    "source unknown": (row("derivations.jsonl", source_seq=2), "version"),
    "evidence unknown": (row("evidence.jsonl", source="q"), "evidence.jsonl"),
    "evidence of a passage": (row("evidence.jsonl", id="p"), "evidence.jsonl"),
    "edge to nothing": (row("edges.jsonl", target="x"), "edges.jsonl"),
    "edge of no type": (row("edges.jsonl", type="GRANTED"), "type"),
    "edge without its fields": (row("edges.jsonl", count=None), "fields"),
    "edge to a passage": (row("edges.jsonl", target="p"), "MENTIONS"),
    "vector too many": (row("units.jsonl", vector=None), "vectors"),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_rows(name: str, path: Path) -> None:
    """A file whose hashes all agree, but whose rows do not, is refused and told where."""
    change, told = FORGED[name]
    given = rows()
    change(given)
    with pytest.raises(ArchiveCorrupt, match=told):
        verify(write(path, contents(given)))


def test_rights_of_sources(path: Path) -> None:
    """A derived unit that needs fewer rights than its source is refused, unless it was published."""
    given = rows()
    given["spaces.jsonl"].insert(0, {"id": "home", "local_only": False})
    row("units.jsonl", 2, space="home")(given)
    row("versions.jsonl", 2, rights=["space:home"])(given)
    with pytest.raises(ArchiveCorrupt, match="rights"):
        verify(write(path, contents(given)))
    row("units.jsonl", 1, published=["space:home"])(given)
    verify(write(path, contents(given)))


def test_members(path: Path) -> None:
    """A member that is missing, more, renamed, doubled, packed otherwise, or no tensor file is refused."""
    sound = contents(rows())
    head = render_header(header(sound))
    cases: list[tuple[dict[str, bytes], bytes | None, str]] = []
    for name in sound:
        fewer = {other: data for other, data in sound.items() if other != name}
        cases += [(fewer, head, "missing"), (fewer | {f"x{name}": sound[name]}, head, "member")]
    cases += [
        (sound | {"more.jsonl": b""}, head, "more.jsonl"),
        (sound | {"../../etc/passwd": b"x"}, None, "none of an export"),
        (sound | {"/payloads/x": b"x"}, None, "none of an export"),
        (sound | {payload_member("0" * 64): PAYLOAD}, None, "named by another"),
        (sound | {VECTORS: VECTOR[:-4]}, None, "tensor"),
        (sound | {VECTORS: b"x" * 64}, None, "safetensors"),
        (sound | {"edges.jsonl": b"{]\n"}, None, "edges.jsonl"),
        (sound | {"edges.jsonl": b"[" * 100_000 + b"\n"}, None, "edges.jsonl"),
        (sound | {"edges.jsonl": sound["edges.jsonl"].replace(b",", b", ")}, None, "written"),
        (sound | {"edges.jsonl": sound["edges.jsonl"].replace(b'{"count"', b'{"count":1,"count"')}, None, "written"),
    ]
    for members, given, told in cases:
        with pytest.raises(ArchiveCorrupt, match=told):
            verify(write(path, members, given))
    with pytest.raises(ArchiveCorrupt, match="packed"):
        verify(write(path, sound, packing=zipfile.ZIP_BZIP2))
    pickled = sound | {payload_member(hashlib.sha256(b"pickle").hexdigest()): b"pickle"}
    changed = rows()
    row("versions.jsonl", 0, payload=hashlib.sha256(b"pickle").hexdigest())(changed)
    with pytest.raises(ArchiveCorrupt, match="safetensors"):
        verify(write(path, pickled | contents(changed)))


def test_doubled_member(path: Path) -> None:
    """A second member of the same name is refused: which of the two is read depends on who reads."""
    write(path, contents(rows()))
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("units.jsonl", b"")
    with pytest.raises(ArchiveCorrupt, match="twice"):
        verify(path)


def test_header(path: Path) -> None:
    """A header that is missing, changed, of other fields or of a newer format is refused."""
    sound = contents(rows())
    head = json.loads(render_header(header(sound)))
    other = json.dumps({**head, "created_at": 10}, sort_keys=True, indent=2).encode() + b"\n"
    for changed, told in ((other, "seal"), (b"[]", "fields"), (b"{", "header"), (b"\xff", "header")):
        with pytest.raises(ArchiveCorrupt, match=told):
            verify(write(path, sound, changed))
    fewer = {name: value for name, value in head.items() if name not in {"embedder", "seal"}}
    with pytest.raises(ArchiveCorrupt, match="fields"):
        verify(write(path, sound, render_header(fewer)))
    counts = header(sound)
    counts["members"]["edges.jsonl"]["rows"] = 2
    with pytest.raises(ArchiveCorrupt, match="1 rows"):
        verify(write(path, sound, render_header(counts)))
    with pytest.raises(ArchiveMismatch, match="format 2"):
        verify(write(path, sound, render_header(header(sound, format=2))))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("units.jsonl", b"")
    with pytest.raises(ArchiveCorrupt, match="no export"):
        verify(path)


def test_kind_of_a_newer_memwalk(path: Path) -> None:
    """A kind of unit that is not known here is told as such: the file is sound."""
    given = rows()
    row("units.jsonl", 2, kind="Dream")(given)
    with pytest.raises(ArchiveMismatch, match="Dream"):
        verify(write(path, contents(given)))


def test_bomb(path: Path) -> None:
    """A member that grows a thousand times when it is unpacked is refused before it is."""
    sound = contents(rows())
    sound["spaces.jsonl"] = dump_row({"id": "x" * (LARGE + 1), "local_only": False})
    assert write(path, sound).stat().st_size < 1_000_000
    with pytest.raises(ArchiveCorrupt, match="say they are"):
        Archive(path)


def test_no_file(tmp_path: Path) -> None:
    """A file that is not there, is a folder, is empty or is something else has its own error."""
    with pytest.raises(SourceNotFound):
        Archive(tmp_path / "no.zip")
    with pytest.raises(SourceNotReadable):
        Archive(tmp_path)
    for data in (b"", b"PK", b"not a zip at all"):
        (tmp_path / "odd").write_bytes(data)
        with pytest.raises(ArchiveCorrupt):
            Archive(tmp_path / "odd")
