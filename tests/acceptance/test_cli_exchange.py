# SPDX-License-Identifier: Apache-2.0
"""`memwalk export` and `memwalk import` on a real store: what they print, and what they refuse."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.exchange_world import fresh
from typer.testing import CliRunner

from memwalk.cli import app
from memwalk.config import LTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from memwalk.config import StoreSettings

OWN = {"NEO4J_URI": None, "MEMWALK_STORE": None, "MEMWALK_NEO4J_VERSION": LTS}


@pytest.fixture
def memwalk(store_directory: Path) -> Callable[..., Any]:
    """`memwalk` on one store, with a space and somebody who may read it."""

    def command(*arguments: str, code: int = 0) -> Any:
        line = [*arguments, "--store", str(store_directory)]
        result = CliRunner().invoke(app, line, prog_name="memwalk", env=OWN)
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.stderr
        return result

    command("init", "--as", "owner")
    command("space", "add", "work")
    command("grant", "bob", "reader", "--space", "work")
    return command


def test_out_and_in_again(
    memwalk: Callable[..., Any], store_settings: Callable[[str], StoreSettings], tmp_path: Path
) -> None:
    """A file is told of with its seal, by words and by JSON, and comes back into an empty store."""
    from memwalk.store import Store

    file = str(tmp_path / "a.zip")
    said = memwalk("export", file).stdout
    assert "seal" in said
    report = json.loads(memwalk("export", file, "--force", "--json").stdout)
    assert report["counts"]["spaces.jsonl"] == 2
    assert report["path"] == file
    with Store.connect(store_settings(LTS)) as store:
        fresh(store)
    found = json.loads(memwalk("import", file, "--json").stdout)
    assert found["seal"] == report["seal"]
    assert (found["spaces"], found["principals"], found["left_out"]) == (["work"], ["bob"], [])
    assert "none new" in memwalk("import", file).stdout
    assert json.loads(memwalk("grants", "--space", "work", "--json").stdout)["grants"]


def test_refusals(memwalk: Callable[..., Any], tmp_path: Path) -> None:
    """A file that is there, spoilt or missing, a space that may not be read, somebody who may not: each is told."""
    file = tmp_path / "a.zip"
    memwalk("export", str(file), "--as", "bob", "--space", "work")
    assert "exists already" in memwalk("export", str(file), code=1).stderr
    assert "may not import" in memwalk("import", str(file), "--as", "bob", code=1).stderr
    assert "no space 'home'" in memwalk("export", str(tmp_path / "b.zip"), "--space", "home", code=1).stderr
    assert "no such file" in memwalk("import", str(tmp_path / "b.zip"), code=1).stderr
    file.write_bytes(file.read_bytes()[:-30])
    assert "truncated or tampered with" in memwalk("import", str(file), code=1).stderr


def test_discard(memwalk: Callable[..., Any], tmp_path: Path) -> None:
    """What a killed import left is taken back, by an administrator; it takes no file."""
    staged = "CREATE (:Unit:Note {id: 'n', seq: 1, policy_class: 'import:abc'})-[:HEAD]->"
    memwalk("cypher", f"{staged}(:Version {{unit_id: 'n', seq: 1, policy_class: 'import:abc'}})", "--write")
    assert "may not discard imports" in memwalk("import", "--discard", "--as", "bob", code=1).stderr
    assert "--discard" in memwalk("import", str(tmp_path / "a.zip"), "--discard", code=2).stderr
    assert "give the export file" in memwalk("import", code=2).stderr
    assert "discarded 1 unit of the import of abc" in memwalk("import", "--discard").stderr
    assert "no import is unfinished" in memwalk("import", "--discard").stderr
    assert json.loads(memwalk("import", "--discard", "--json").stdout) == {"discarded": []}
