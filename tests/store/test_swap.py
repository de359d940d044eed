# SPDX-License-Identifier: Apache-2.0
"""Another graph in the place of the one there is: killed before each single step, one of them is there, whole."""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from typing import TYPE_CHECKING, Any

from memwalk.store.server._files import Files
from memwalk.store.server._swap import commit, settle, staging

if TYPE_CHECKING:
    from pathlib import Path

STEPS = {"os.rename", "os.remove", "os.rmdir", "os.mkdir"}
FOLDERS = ("neo4j/data/databases/neo4j", "payloads/ab", "audit")


def make(root: Path, word: str) -> None:
    """A data directory all of whose files say one word."""
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True)
        (root / folder / f"{word}.file").write_text(word)
    for name in ("password", "version"):
        (root / "neo4j" / name).write_text(word)


def words(root: Path) -> set[str]:
    """What the files of a data directory say, and which files there are for it."""
    found = {(root / "neo4j" / name).read_text() for name in ("password", "version")}
    for folder in FOLDERS:
        (file,) = (root / folder).iterdir()
        assert file.name == f"{file.read_text()}.file"
        found.add(file.read_text())
    return found


def killed_at(step: int, files: Files) -> bool:
    """Swap in a process that is killed before a step; False if it came to its end."""
    child = os.fork()
    if not child:
        taken = count()

        def look(event: str, _: tuple[Any, ...]) -> None:
            if event in STEPS and next(taken) == step:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(look)
        commit(files)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_a_kill_before_any_step_leaves_the_old_or_the_new_whole(tmp_path: Path) -> None:
    """Before the decision it is the old one, ever after the new one; nothing else is left."""
    outcomes: list[str] = []
    for step in count():
        root = tmp_path / str(step)
        files = Files(root / "neo4j")
        make(root, "old")
        make(staging(files), "new")
        killed = killed_at(step, files)
        for folder in (files.data, files.logs):  # as an opener does before it comes to settle
            folder.mkdir(exist_ok=True)
        settle(files)
        found = words(root)
        assert len(found) == 1
        assert {path.name for path in files.home.iterdir()} == {"data", "logs", "password", "version"}
        outcomes += found
        if not killed:
            break
    assert outcomes == sorted(outcomes, reverse=True)
    assert outcomes[0] == "old"
    assert outcomes[-1] == "new"
    assert len(outcomes) > 15


def test_what_was_being_made_ready_is_cleared_away(tmp_path: Path) -> None:
    """Without the decision nothing of it stays, and what the new one lacks is left as it is."""
    files = Files(tmp_path / "neo4j")
    make(tmp_path, "old")
    make(staging(files), "new")
    settle(files)
    assert words(tmp_path) == {"old"}
    assert not staging(files).exists()
    (staging(files) / "neo4j" / "data").mkdir(parents=True)
    commit(files)
    assert list(files.data.iterdir()) == []
    assert (tmp_path / "payloads" / "ab" / "old.file").exists()
