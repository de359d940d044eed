# SPDX-License-Identifier: Apache-2.0
"""Pruning retires what vanished from a place, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.conftest import OWNER
from tests.documents_world import Act, World

from memwalk import policy
from memwalk.errors import SourceEmpty, SourceNotFound
from memwalk.ingest import find_vanished, read_sources
from memwalk.ingest._prune import retire_documents
from memwalk.units import DERIVED

if TYPE_CHECKING:
    from pathlib import Path

    from memwalk.store import Store

B = Act("write", "home", "b.txt", sentences=(0,))
C = Act("write", "home", "below/c.md", sentences=(2,))
ROWS = Act("write", "home", "rows.json", title="Ada", sentences=(1, 3))


@pytest.fixture
def begun(world: World) -> World:
    """A text, a text in a folder below, a corpus of two rows; the same in the other space."""
    world.begin()
    for space in ("home", "work"):
        for act in (B, C, ROWS):
            world.act(act._replace(space=space))
        world.add(space)
    return world


def live(world: World, space: str) -> set[str]:
    """The live documents of a space, by the end of their addresses."""
    text = "MATCH (d:Document {state: 'live', space: $space}) RETURN d.uri"
    rows = world.store.run_text(text, {"space": space}, write=False, limit=99)[1]
    return {uri.partition(f"/{space}/")[2] for (uri,) in rows}


def vanished(world: World, *paths: Path) -> set[str]:
    """What is found to have vanished below paths of the first space, by the end of its address."""
    sources = [source for path in paths for source in read_sources(path)]
    found = {document.id for document in find_vanished(world.store, "home", paths, sources)}
    rows = world.store.run_text("MATCH (d:Document) RETURN d.id, d.uri", {}, write=False, limit=99)[1]
    return {uri.partition("/home/")[2] for unit, uri in rows if unit in found}


def test_files_and_rows_that_are_gone(begun: World) -> None:
    """A file of a folder, and a row of a file that was read, are retired; what they alone said with them."""
    home = begun.root / "home"
    (home / "below" / "c.md").unlink()
    rows = json.loads((home / "rows.json").read_text(encoding="utf-8"))
    (home / "rows.json").write_text(json.dumps(rows[:1]), encoding="utf-8")
    (begun.root / "work" / "b.txt").unlink()
    assert vanished(begun, home / "b.txt") == set()
    assert vanished(begun, home) == {"below/c.md", "rows.json#Ada#2"}
    begun.add("home")
    assert begun.reports[-1].pruned == 2
    assert live(begun, "home") == {"b.txt", "rows.json#Ada"}
    assert len(live(begun, "work")) == 4  # its own folder was not asked for
    begun.add("work")
    begun.compare()


def test_what_is_there_but_was_not_read_has_not_vanished(begun: World) -> None:
    """A hidden file that was named directly, a file that is no text any more, a corpus with a malformed row."""
    home = begun.root / "home"
    begun.act(Act("write", "home", ".hidden.txt", sentences=(6,)))
    sources = list(read_sources(home / ".hidden.txt"))
    begun.put("home", sources)
    assert ".hidden.txt" in live(begun, "home")
    (home / "b.txt").write_bytes(b"\x00\xff")
    rows = json.loads((home / "rows.json").read_text(encoding="utf-8"))
    (home / "rows.json").write_text(json.dumps([rows[0], {"title": 7}]), encoding="utf-8")
    assert vanished(begun, home) == set()
    assert vanished(begun, home / "rows.json") == set()


def test_a_place_that_is_missing_or_empty_is_refused(begun: World) -> None:
    """A folder that is not mounted looks so: nothing is taken to have vanished."""
    missing, empty = begun.root / "home" / "missing", begun.root / "home" / "empty"
    empty.mkdir()
    for path, error in ((missing, SourceNotFound), (empty, SourceEmpty)):
        with pytest.raises(error, match="nothing was added or retired"):
            vanished(begun, path)


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX users")
def test_a_folder_without_access_is_refused(begun: World) -> None:
    """What is in it cannot be told to have vanished; tried as an unprivileged user."""
    home = begun.root / "home"
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from memwalk.ingest import _prune\n"
        "if os.geteuid() == 0: os.setegid(65534); os.seteuid(65534)\n"
        "print(_prune._is_gone(Path(sys.argv[1]).as_uri()))\n"
    )
    for parent in [home, *home.parents]:
        if parent.owner() != "root" or parent.stat().st_mode & 0o5 != 0o5:
            parent.chmod(parent.stat().st_mode | 0o5)
    (home / "below").chmod(0)
    asked = [sys.executable, "-c", code, str(home / "below" / "c.md")]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    (home / "below").chmod(0o700)
    assert done.returncode == 1
    assert "SourceNotReadable" in done.stderr
    assert "nothing was added or retired" in done.stderr


def test_only_what_one_may_write(begun: World) -> None:
    """A document that is denied to the principal stays, as does one that was changed since it was seen."""
    store: Store = begun.store
    policy.grant(store, OWNER, "alice", "writer", "home")
    rows = store.run_text("MATCH (d:Document {space: 'home'}) RETURN d.id ORDER BY d.uri", {}, write=False, limit=9)[1]
    ids = [row[0] for row in rows]
    policy.deny(store, OWNER, "alice", "reader", policy.OnUnit(ids[0], DERIVED))
    home = begun.root / "home"
    for path in (home / "b.txt", home / "below" / "c.md"):
        path.unlink()
    (home / "rows.json").write_text(json.dumps([{"title": "Other", "text": "Another row."}]), encoding="utf-8")
    seen = find_vanished(store, "home", [home], list(read_sources(home)))
    assert len(seen) == 4
    late = [one._replace(seq=one.seq + 1) if one.id == ids[1] else one for one in seen]
    assert retire_documents(store, "alice", "home", late, most=256) == (2, 2)
    assert retire_documents(store, "alice", "home", late, most=256) == (0, 0)
    assert retire_documents(store, OWNER, "home", seen, most=256) == (2, 2)
