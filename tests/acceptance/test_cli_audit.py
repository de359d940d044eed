# SPDX-License-Identifier: Apache-2.0
"""`memwalk audit` and `memwalk db sweep` on a real store."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from memwalk.cli import app
from memwalk.config import LTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ENV = {"NEO4J_URI": None, "MEMWALK_STORE": None, "MEMWALK_NEO4J_VERSION": LTS}


@pytest.fixture
def memwalk(store_directory: Path, tmp_path: Path) -> Callable[..., Any]:
    """The command on a new store with payloads of its own."""

    def call(*arguments: str, exit_code: int = 0) -> Any:
        env = {**ENV, "MEMWALK_PAYLOADS": str(tmp_path / "payloads")}
        result = CliRunner().invoke(app, [*arguments, "--store", str(store_directory)], prog_name="memwalk", env=env)
        assert result.exit_code == exit_code, result.output
        return json.loads(result.stdout) if "--json" in arguments and result.stdout else result

    call("init", "--as", "owner")
    call("principal", "add", "alice")
    return call


def test_list(memwalk: Callable[..., Any]) -> None:
    """Writes are told by who, what and when, in a table and as JSON; others than administrators are refused."""
    memwalk("grant", "alice", "reader", "--space", "default")
    changes = memwalk("audit", "list", "--json")["changes"]
    assert [change["seq"] for change in changes] == list(range(len(changes), 0, -1))
    assert (changes[0]["operation"], changes[0]["principal"]) == ("grant", "owner")
    assert memwalk("audit", "list", "--operation", "grant", "--by", "owner", "--json")["changes"] == changes[:1]
    assert memwalk("audit", "list", "--until", "1h ago", "--json")["changes"] == []
    assert "create principal" in memwalk("audit", "list", "--unit", "alice", "-n", "5").stdout
    assert "may not audit" in memwalk("audit", "list", "--as", "alice", exit_code=1).stderr
    assert "is no time" in memwalk("audit", "list", "--since", "soon", exit_code=2).stderr


def test_reads(memwalk: Callable[..., Any]) -> None:
    """Reads are found by the text that was asked, refused ones included; the text itself is not shown."""
    memwalk("show", "the secret name", "--as", "alice", exit_code=1)
    found = memwalk("audit", "reads", "--of", "the secret name", "--action", "show", "--json")["reads"]
    assert [(read["principal"], read["action"]) for read in found] == [("alice", "show")]
    assert found[0]["target"].startswith("hmac:")
    assert "secret" not in memwalk("audit", "reads").stdout


def test_verify(memwalk: Callable[..., Any]) -> None:
    """Two whole chains with their heads; given again later they hold; a tampered record ends with exit code 1."""
    report = memwalk("audit", "verify", "--json")
    assert report["ok"]
    heads = (report["changes"]["head"], report["reads"]["head"])
    assert "whole" in memwalk("audit", "verify", "--changes", heads[0], "--reads", heads[1]).stdout
    assert "anchor" in memwalk("audit", "verify", "--reads", "nonsense", exit_code=2).stderr
    memwalk("cypher", "MATCH (c:Change {seq: 2}) SET c.operation = 'x'", "--write")
    assert "record 2 is changed" in memwalk("audit", "verify", exit_code=1).stdout
    report = memwalk("audit", "verify", "--json", exit_code=1)
    assert (report["ok"], report["changes"]["fault"]["seq"], report["reads"]["ok"]) == (False, 2, True)


def test_sweep(memwalk: Callable[..., Any], tmp_path: Path) -> None:
    """Leftovers that are old go, and are only counted in a dry run."""
    leftover = tmp_path / "payloads" / "tmp" / "x.tmp"
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"123")
    assert memwalk("db", "sweep", "--json") == {"dry_run": False, "payloads": [], "leftovers": 0, "bytes": 0}
    os.utime(leftover, (0, 0))
    assert "would remove 0 payloads and 1 leftovers, 3 B" in memwalk("db", "sweep", "--dry-run").stderr
    assert leftover.exists()
    assert memwalk("db", "sweep", "--json")["leftovers"] == 1
    assert not leftover.exists()
    assert "may not sweep" in memwalk("db", "sweep", "--as", "alice", exit_code=1).stderr
