# SPDX-License-Identifier: Apache-2.0
"""Named queries: one statement a file, parameters only, used, and called with what they take."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from memwalk.errors import InvalidArgument
from memwalk.store import load_query, query_names

ENGINE = Path(__file__).parents[2] / "engine" / "memwalk"


def calls() -> list[tuple[str, frozenset[str] | None, str]]:
    """(query name, literal keyword names or None if some are spread, where) of every call that names a query."""
    found = []
    for path in ENGINE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr not in {"read", "stream", "run"} or not node.args:
                continue
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str) and "/" in first.value:
                spread = any(keyword.arg is None for keyword in node.keywords)
                names = None if spread else frozenset(k.arg for k in node.keywords if k.arg)
                found.append((first.value, names, f"{path.name}:{node.lineno}"))
    return found


@pytest.mark.parametrize("name", query_names())
def test_query_file(name: str) -> None:
    """A file has a comment that says what it answers, the dialect, one statement."""
    query = load_query(name)
    lines = query.text.splitlines()
    assert lines[0].startswith("// ")
    assert lines[1] == "CYPHER 5"
    assert query.summary
    assert ";" not in "\n".join(lines[1:])
    assert "apoc." not in query.text.lower()


@pytest.mark.parametrize("name", query_names())
def test_versions_are_found_through_an_index(name: str) -> None:
    """Versions of a unit are asked for with a bound on a number or time too: the id alone leads to a scan of all."""
    text = load_query(name).text
    assert not re.findall(r"Version \{unit_id: [^,}]*\}(?!.*\n\s*WHERE \w+\.(?:seq|tx_from) )", text)


def test_calls_match_parameters() -> None:
    """Every call names a query that exists and passes exactly its parameters."""
    wrong = [
        (where, name, sorted(names), sorted(load_query(name).parameters))
        for name, names, where in calls()
        if names is not None and names != load_query(name).parameters
    ]
    assert not wrong


def test_every_query_is_used() -> None:
    """No query lies about that nothing calls; those for people are called by name."""
    text = "\n".join(p.read_text(encoding="utf-8") for p in ENGINE.rglob("*.py"))
    unused = [n for n in query_names() if not n.startswith("explore/") and f'"{n}"' not in text]
    assert not unused


def test_no_cypher_in_code() -> None:
    """Cypher stands in cypher/ and schema/, nowhere else."""
    keywords = ("MATCH (", "MERGE (", "CREATE (", "DETACH DELETE", "UNWIND $")
    # The command line's help shows people an example to type.
    shown = {"_cypher.py", "_db.py"}
    guilty = [p.name for p in ENGINE.rglob("*.py") if any(k in p.read_text(encoding="utf-8") for k in keywords)]
    assert set(guilty) <= shown


def test_unknown_query() -> None:
    """A query that is not there, or a path out of the folder, is refused."""
    for name in ("walk/no_such", "../schema/V001__units_provenance_policy"):
        with pytest.raises(InvalidArgument):
            load_query(name)
