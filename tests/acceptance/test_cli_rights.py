# SPDX-License-Identifier: Apache-2.0
"""Rights on the command line: who is in which group, what is granted and denied, what decides it, and its audit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from memwalk.cli import app
from memwalk.config import LTS

if TYPE_CHECKING:
    from pathlib import Path

OWN = {"NEO4J_URI": None, "MEMWALK_STORE": None, "MEMWALK_NEO4J_VERSION": LTS, "COLUMNS": "200"}
NOTE = "The ferry to Patiras stops in winter."
NO_UNIT = "0190a1b2-0000-7000-8000-000000000000"


class Command:
    """`memwalk` on one store: a space of company, whose staff ann and bob are, and a space of the press."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self("init", "--as", "owner")
        self("principal", "add", "company", "--kind", "group")
        self("principal", "add", "staff", "--kind", "group", "--group", "company")
        self("principal", "add", "ann", "--group", "staff")
        self("principal", "add", "bob")
        self("principal", "add", "carol")
        self("space", "add", "work")
        self("space", "add", "press")

    def __call__(self, *arguments: str, code: int = 0, **options: Any) -> Any:
        line = [*arguments, "--store", str(self.store)]
        result = CliRunner().invoke(app, line, prog_name="memwalk", env=OWN, **options)
        assert result.exit_code == code, result.output
        return result

    def json(self, *arguments: str, **options: Any) -> Any:
        return json.loads(self(*arguments, "--json", **options).stdout)

    def add(self, space: str, text: str, *sources: str) -> str:
        """A note, or a summary of some."""
        unit: dict[str, Any] = {"text": text, "kind": "Summary" if sources else "Note", "derived_from": list(sources)}
        written: str = self.json("add", "--units", "-", "--space", space, input=json.dumps(unit))["units"][0]["id"]
        return written

    def may_read(self, principal: str, unit: str) -> bool:
        """What `can` says, which must be what `show` does."""
        decision = self.json("can", principal, "read", unit)
        allowed: bool = decision["allowed"]
        shown = self("show", unit, "--as", principal, code=0 if allowed else 1)
        assert ("no unit" in shown.stderr) != allowed
        return allowed


@pytest.fixture
def memwalk(store_directory: Path) -> Command:
    return Command(store_directory)


def test_groups(memwalk: Command) -> None:
    """Members are told as they come and go; a group in itself, and whoever is not there, is refused by name."""
    assert memwalk("group", "add", "staff", "bob", "ann").stderr.splitlines() == [
        "bob is in staff",
        "ann is in staff already",
    ]
    listed = {row["id"]: row for row in memwalk.json("principal", "list")["principals"]}
    assert listed["staff"] == {"id": "staff", "kind": "group", "groups": ["company"]}
    assert listed["bob"] == {"id": "bob", "kind": "user", "groups": ["staff"]}
    assert "company" in memwalk("principal", "list").stdout
    before = memwalk.json("audit", "list")["changes"]
    cycle = memwalk("group", "add", "staff", "company", code=1).stderr
    assert "'company' cannot be a member of 'staff', which is in it" in cycle
    assert "cannot be a member of itself" in memwalk("group", "add", "staff", "staff", code=1).stderr
    for refused in (("group", "add", "staff", "zoe"), ("deny", "zoe", "reader", "--space", "work")):
        assert "unknown principal 'zoe'" in memwalk(*refused, code=1).stderr
    assert "--kind group" in memwalk("group", "add", "guests", "bob", code=1).stderr
    assert "may not" in memwalk("group", "add", "staff", "carol", "--as", "carol", code=1).stderr
    assert memwalk.json("audit", "list")["changes"] == before
    assert "bob is no longer in staff" in memwalk("group", "remove", "staff", "bob").stderr
    memwalk("group", "remove", "staff", "bob", code=1)


def test_granted_denied_and_published(memwalk: Command) -> None:
    """A grant to a group reaches its members, a denial of one of them wins, and each answer says what decided it."""
    memwalk("group", "add", "staff", "bob")
    note = memwalk.add("work", NOTE)
    assert not memwalk.may_read("ann", note)
    assert "company is reader of work" in memwalk("grant", "company", "reader", "--space", "work").stderr
    assert memwalk.may_read("ann", note)
    assert memwalk.may_read("bob", note)
    (way,) = memwalk.json("can", "ann", "read", note)["ways"]
    (edge,) = way["needs"][0]["edges"]
    assert edge["chain"] == ["ann", "staff", "company"]
    assert (edge["role"], edge["space"], edge["until"]) == ("reader", "work", None)
    said = memwalk("can", "ann", "read", note).stdout
    assert f"ann may read unit {note}" in said
    assert "ann is in staff; staff is in company; company is reader of space work since" in said
    assert f"ann may not write unit {note}" in memwalk("can", "ann", "write", note).stdout

    assert "bob is denied reader on unit" in memwalk("deny", "bob", "reader", "--unit", note).stderr
    assert not memwalk.may_read("bob", note)
    assert memwalk.may_read("ann", note)
    assert f"bob is denied reader on unit {note}" in memwalk("can", "bob", "read", note).stdout
    listed = memwalk.json("grants", "--unit", note)["grants"]
    assert {(row["principal"], row["role"], row["denied"], row["unit"]) for row in listed} >= {
        ("company", "reader", False, None),
        ("bob", "reader", True, note),
    }
    assert "not reader" in memwalk("grants", "--space", "work").stdout
    for command in (("show", "{}"), ("can", "bob", "read", "{}"), ("history", "{}"), ("publish", "{}")):
        hidden, missing = (
            memwalk(*(part.format(unit) for part in command), "--as", "bob", code=1).stderr for unit in (note, NO_UNIT)
        )
        assert hidden.replace(note, NO_UNIT) == missing
    assert "may not" in memwalk("can", "bob", "read", note, "--as", "ann", code=1).stderr
    assert "unknown principal 'zoe'" in memwalk("can", "zoe", "read", note, code=1).stderr

    summary = memwalk.add("press", "No ferry in winter.", note)
    memwalk("grant", "carol", "reader", "--space", "press")
    assert not memwalk.may_read("carol", summary)
    assert f"space:work/{note}" in memwalk("publish", summary).stderr
    assert memwalk.may_read("carol", summary)
    assert "its own right alone" in memwalk("publish", summary).stderr
    memwalk("publish", summary, "--undo")
    assert not memwalk.may_read("carol", summary)
    memwalk("publish", summary, "--undo", code=2)

    assert "ended 1 denial of bob" in memwalk("undeny", "bob", "--unit", note).stderr
    assert memwalk.may_read("bob", note)
    assert "was not itself denied" in memwalk("undeny", "bob", "--unit", note).stderr
    assert "held no grant of its own" in memwalk("revoke", "ann", "--space", "work").stderr
    assert "ended 1 grant of company" in memwalk("revoke", "company", "--space", "work").stderr
    assert not memwalk.may_read("ann", note)
    done = [change["operation"] for change in memwalk.json("audit", "list", "-n", "5")["changes"]]
    assert done == ["revoke", "undeny", "unpublish", "publish", "grant"]  # what ended nothing is no change
    assert memwalk.json("audit", "verify")["ok"]


def test_windows(memwalk: Command) -> None:
    """A grant to come is listed and not in force; one that would be over before it begins has no meaning."""
    note = memwalk.add("work", NOTE)
    said = memwalk("grant", "bob", "reader", "--unit", note, "--from", "2d", "--until", "3d").stderr
    assert " from 20" in said
    assert " until 20" in said
    assert not memwalk.may_read("bob", note)
    (to_come,) = [row for row in memwalk.json("grants", "--unit", note)["grants"] if row["principal"] == "bob"]
    assert to_come["since"] < to_come["until"]
    assert "bob" in memwalk("grants").stdout
    for window in (("--until", "2h ago"), ("--from", "3d", "--until", "2d"), ("--until", "someday")):
        assert "--until" in memwalk("grant", "bob", "reader", "--space", "work", *window, code=2).stderr
    memwalk("deny", "bob", "reader", "--space", "work", "--from", "1d")
    assert "--from" in memwalk("grant", "bob", "reader", "--unit", note, "--from", "2 years ago", code=2).stderr
    assert " from " not in memwalk("grant", "bob", "reader", "--unit", note, "--from", "52w ago").stderr
    begun, before = memwalk.json("audit", "list", "-n", "2")["changes"]
    assert memwalk.may_read("bob", note)
    (edge,) = memwalk.json("can", "bob", "read", note)["ways"][0]["needs"][0]["edges"]
    assert before["at"] < edge["since"] <= begun["at"]  # it does not reach back, and takes the place of the one to come
    assert "ended 1 grant of bob" in memwalk("revoke", "bob", "--unit", note).stderr
    assert not memwalk.may_read("bob", note)
