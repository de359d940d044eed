# SPDX-License-Identifier: Apache-2.0
"""The command line on a real store: rights, errors and their exit codes, the server. No model is loaded."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from memwalk.cli import app
from memwalk.config import LTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from memwalk.config import StoreSettings

OWN = {"NEO4J_URI": None, "MEMWALK_STORE": None, "MEMWALK_NEO4J_VERSION": LTS}


class Command:
    """`memwalk` on one store."""

    def __init__(self, store: Path | str) -> None:
        self.store = str(store)

    def __call__(self, *arguments: str, exit_code: int = 0, **options: Any) -> Any:
        env = {**OWN, **options.pop("env", {})}
        result = CliRunner().invoke(app, [*arguments, "--store", self.store], prog_name="memwalk", env=env, **options)
        assert result.exit_code == exit_code, result.output
        assert "Traceback" not in result.stderr
        if exit_code:
            assert result.stdout == ""
        return result

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json").stdout)


@pytest.fixture
def memwalk(store_directory: Path) -> Command:
    command = Command(store_directory)
    command("init", "--as", "owner")
    return command


def environment(**changes: str) -> dict[str, str]:
    return {**{name: value for name, value in os.environ.items() if name not in OWN}, **changes}


def spawn(*arguments: str, before: Sequence[str] = (), **options: Any) -> subprocess.Popen[str]:
    command = [*before, sys.executable, "-m", "memwalk.cli", *arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, **{"env": environment(), **pipes, **options})


def test_init_says_where_and_whose_it_is(store_directory: Path) -> None:
    memwalk = Command(store_directory)
    shown = dict(line.split(maxsplit=1) for line in memwalk("init", "--as", "alice").stdout.splitlines())
    assert shown["store"].strip() == str(store_directory)
    assert shown["Neo4j"].startswith("bolt://127.0.0.1:")
    assert (shown["owner"].strip(), shown["you"].strip()) == ("alice", "alice")
    assert shown["spaces"].strip() == "default (0 documents)"
    again = memwalk("init", "--as", "bob", exit_code=1)
    assert again.stderr.startswith("error: unknown principal 'bob'")


def test_rights_are_given_seen_and_taken(memwalk: Command) -> None:
    memwalk("space", "add", "diary", "--local-only")
    memwalk("principal", "add", "staff", "--kind", "group")
    memwalk("principal", "add", "alice", "--group", "staff")
    memwalk("grant", "staff", "reader", "--space", "diary", "--until", "12h")
    assert memwalk.json("space", "list")["spaces"] == [
        {"id": "default", "local_only": False, "documents": 0},
        {"id": "diary", "local_only": True, "documents": 0},
    ]
    assert [space["id"] for space in memwalk.json("space", "list", "--as", "alice")["spaces"]] == ["diary"]
    assert {"id": "alice", "kind": "user", "groups": ["staff"]} in memwalk.json("principal", "list")["principals"]
    grants = memwalk.json("grants", "--space", "diary")["grants"]
    assert {(g["principal"], g["role"], g["space"], g["until"] is None) for g in grants} == {
        ("owner", "admin", None, True),
        ("staff", "reader", "diary", False),
    }
    assert "staff" in memwalk("grants").stdout
    assert "alice" in memwalk("principal", "list").stdout
    memwalk("revoke", "staff", "--space", "diary")
    assert memwalk.json("space", "list", "--as", "alice")["spaces"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["space", "list", "--as", "mallory"], "unknown principal 'mallory'"),
        (["space", "add", "work", "--as", "alice"], "'alice' may not create spaces"),
        (["principal", "list", "--as", "alice"], "'alice' may not list the principals"),
        (["cypher", "RETURN 1", "--as", "alice"], "'alice' may not run raw Cypher"),
        (["grant", "alice", "admin", "--space", "default", "--as", "alice"], "'alice' may not administer"),
        (["space", "add", "default"], "space 'default' exists already"),
        (["revoke", "alice", "--space", "nowhere"], "no space 'nowhere'"),
        (["show", "3f2a9c1e"], "no unit '3f2a9c1e'"),
        (["history", "Pont Neuf"], "no unit 'Pont Neuf'"),
        (["build", "kv", "Pont Neuf"], "no unit 'Pont Neuf'"),
        (["chat", "--conversation", "3f2a9c1e"], "no unit '3f2a9c1e'"),
        (["cypher", "--file", "missing.cypher"], "missing.cypher: no such file"),
        (["cypher", "MATCH (n RETURN n"], "your query: Invalid input"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(memwalk: Command, arguments: list[str], message: str) -> None:
    memwalk("grant", "alice", "reader", "--space", "default")
    assert memwalk(*arguments, exit_code=1).stderr.startswith(f"error: {message}")


def test_debugging_shows_the_traceback(memwalk: Command) -> None:
    arguments = ["show", "3f2a9c1e", "--store", memwalk.store]
    result = CliRunner().invoke(app, arguments, env={**OWN, "MEMWALK_DEBUG": "1"})
    assert type(result.exception).__name__ == "NotFound"


def test_what_may_not_be_read_looks_like_what_does_not_exist(memwalk: Command) -> None:
    memwalk("grant", "alice", "reader", "--space", "work")
    hidden = memwalk("grant", "alice", "reader", "--space", "default", "--as", "alice", exit_code=1).stderr
    missing = memwalk("grant", "alice", "reader", "--space", "nowhere", "--as", "alice", exit_code=1).stderr
    assert hidden.replace("default", "X") == missing.replace("nowhere", "X")


def test_cypher_only_reads_unless_told(memwalk: Command) -> None:
    refused = memwalk("cypher", "CREATE (:Toy {name: $name})", "-p", "name=x", exit_code=1)
    assert "--write" in refused.stderr
    memwalk("cypher", "CREATE (:Toy {name: $name})", "-p", "name=x", "--write")
    assert memwalk.json("cypher", "MATCH (t:Toy) RETURN t.name AS name") == {
        "columns": ["name"],
        "rows": [["x"]],
        "more": False,
    }


def test_cypher_prints_tables_json_and_csv_up_to_a_limit(memwalk: Command, tmp_path: Path) -> None:
    file = tmp_path / "query.cypher"
    file.write_text("// numbers\nUNWIND range(1, $n) AS i RETURN i, toString(i) AS text;\n", encoding="utf-8")
    arguments = ("cypher", "--file", str(file), "-p", "n=3")
    document = {"columns": ["i", "text"], "rows": [[1, "1"], [2, "2"]], "more": True}
    assert memwalk.json(*arguments, "--limit", "2") == document
    result = memwalk(*arguments, "--limit", "2", "--format", "csv")
    assert (result.stdout.splitlines(), result.stderr) == (
        ["i,text", "1,1", "2,2"],
        "2 rows, and there are more: --limit\n",
    )
    assert memwalk(*arguments).stdout.split()[0] == "i"
    assert memwalk("cypher", "-", input="RETURN 1 AS one", env={}).stdout.split()[0] == "one"


def test_db_tells_of_the_running_server(memwalk: Command, store_settings: Callable[[str], StoreSettings]) -> None:
    status = memwalk.json("db", "status")
    reached = store_settings(LTS)
    assert (status["running"], status["version"], status["uri"]) == (True, LTS, reached.uri)
    assert reached.uri in memwalk("db", "status").stdout
    assert memwalk.json("db", "start") | {"connections": 0} == status | {"connections": 0}
    assert memwalk.json("db", "env")["NEO4J_PASSWORD"] == reached.password
    shell = memwalk("db", "env").stdout + 'printf %s "$NEO4J_URI"'
    assert subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=True).stdout == reached.uri
    assert len(memwalk("db", "logs", "-n", "2").stdout.splitlines()) == 2


def test_a_store_is_made_browsed_stopped_and_found_again(tmp_path: Path) -> None:
    import httpx

    memwalk = Command(tmp_path / "notes")
    try:
        memwalk("init", "--as", "alice")
        page = memwalk.json("db", "browser")
        assert "Neo4j Browser" in httpx.get(page["browser_uri"]).text
        assert page["browser_uri"] in memwalk("db", "status").stdout
        assert page["password"] in memwalk("db", "browser").stdout
    finally:
        assert "has stopped" in memwalk("db", "stop").stderr
    assert memwalk.json("db", "status")["running"] is False
    try:
        assert memwalk.json("space", "list", "--as", "alice")["spaces"][0]["id"] == "default"
    finally:
        memwalk("db", "stop")


def test_reading_makes_no_store(tmp_path: Path) -> None:
    memwalk = Command(tmp_path / "typo")
    assert memwalk("search", "x", exit_code=1).stderr.startswith(f"error: no store '{tmp_path / 'typo'}'")
    assert not (tmp_path / "typo").exists()


def test_db_on_a_directory_where_nothing_runs(tmp_path: Path) -> None:
    memwalk = Command(tmp_path / "none")
    assert memwalk.json("db", "status") == {"store": str(tmp_path / "none"), "running": False}
    assert "was not running" in memwalk("db", "stop").stderr
    assert "no log" in memwalk("db", "logs", exit_code=2).stderr
    assert not (tmp_path / "none").exists()


def test_a_wrong_password_is_told(store_directory: Path, store_settings: Callable[[str], StoreSettings]) -> None:
    memwalk = Command(store_settings(LTS).uri)
    result = memwalk("space", "list", exit_code=1, env={"NEO4J_PASSWORD": "wrong"})
    assert result.stderr.startswith(f"error: {memwalk.store} refuses user 'neo4j'")


def test_an_address_where_nothing_answers_is_told_soon() -> None:
    memwalk = Command("bolt://127.0.0.1:1")
    start = time.monotonic()
    result = memwalk("space", "list", exit_code=1, env={"MEMWALK_NEO4J_CONNECT": "2"})
    assert result.stderr.startswith("error: no Neo4j answers at bolt://127.0.0.1:1")
    assert time.monotonic() - start < 30


@pytest.mark.parametrize("address", ["http://localhost:7474", "bolt+x://localhost", "bolt://localhost:abc"])
def test_an_address_that_is_none_is_told(address: str) -> None:
    assert Command(address)("space", "list", exit_code=2).stderr.startswith("error: NEO4J_URI=")


def test_somebody_elses_data_is_left_alone(
    store_directory: Path, store_settings: Callable[[str], StoreSettings]
) -> None:
    from memwalk.store import Store

    count = "MATCH (n) RETURN count(n) AS count"
    with Store.connect(store_settings(LTS)) as store:
        store.run_text("CREATE (:Document {title: 'mine'})", {}, write=True, limit=1)
        before = store.run_text(count, {}, write=False, limit=1)
        result = Command(store_directory)("init", exit_code=1)
        assert "holds data that memwalk did not write (Document)" in result.stderr
        assert store.run_text(count, {}, write=False, limit=1) == before


def unprivileged() -> list[str]:
    """What to put before a command so that permissions bind it, as they do not bind root."""
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.fail("root needs setpriv (util-linux) for this test")
    rights = "-dac_override,-dac_read_search"
    return [setpriv, f"--bounding-set={rights}", f"--inh-caps={rights}"]


@pytest.mark.parametrize("arguments", [("init", "{closed}/store"), ("init", "{closed}/there"), ("db", "status")])
def test_a_store_without_access_is_told(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    closed = tmp_path / "closed"
    (closed / "there" / "neo4j").mkdir(parents=True)
    for folder in (closed / "there" / "neo4j", closed / "there", closed):
        folder.chmod(0o500 if "init" in arguments else 0)
    env = environment(MEMWALK_STORE=str(closed / "there"))
    try:
        with spawn(*(part.format(closed=closed) for part in arguments), before=unprivileged(), env=env) as process:
            out, error = process.communicate(timeout=120)
    finally:
        for folder in (closed, closed / "there", closed / "there" / "neo4j"):
            folder.chmod(0o700)
    assert (process.returncode in {1, 2}, out) == (True, "")
    assert error.splitlines()[-1].startswith("error: ")
    assert str(closed) in error
    assert "Traceback" not in error
    assert [path.name for path in closed.rglob("*")] == ["there", "neo4j"]


def test_ctrl_c_is_told_and_leaves_the_store_clean(memwalk: Command) -> None:
    with spawn("chat", "--store", memwalk.store, "--as", "owner") as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("conversation ")
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert error.strip().startswith("error: interrupted")
    assert memwalk.json("db", "status")["in_use"] is True  # by the session's own lease
    assert memwalk.json("cypher", "MATCH (m:Message) RETURN count(m) AS messages")["rows"] == [[0]]


def test_a_reader_who_leaves_is_not_bothered() -> None:
    with spawn("cypher", "--list", "--json", stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert process.returncode == 1


def test_a_chat_of_nothing_is_a_conversation(memwalk: Command) -> None:
    begun = memwalk("chat", "--name", "first words", input="")
    conversation = begun.stderr.split()[1]
    assert f"--conversation {conversation}" in begun.stderr
    assert memwalk.json("show", conversation)["name"] == "first words"
    assert memwalk("chat", "--conversation", conversation, "--quiet", input="/quit\nnever asked\n").output == ""
    assert "first words" in memwalk("history", conversation).stdout
    assert memwalk.json("history", conversation)["versions"][0]["activity"] == "chat"
