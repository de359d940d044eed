# SPDX-License-Identifier: Apache-2.0
"""Another machine: a process that knows the addresses of the graph and of the payloads, and has nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import memwalk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memwalk.config import StoreSettings
    from memwalk.memory import Memory

__all__ = ["answer", "elsewhere", "rankings"]

ROOT = Path(__file__).parents[1]
_OWN = ("HF_", "MEMWALK_", "NEO4J_", "XDG_")


def rankings(memory: Memory, asked: Sequence[tuple[str, str]], limit: int = 20) -> list[Any]:
    """What principals find for questions: each result whole, scores to the last bit, as JSON has it."""
    found = [memory.as_principal(who).search(question, limit=limit) for who, question in asked]
    document: list[Any] = json.loads(json.dumps([[asdict(result) for result in results] for results in found]))
    return document


def elsewhere(
    home: Path, store: StoreSettings, asked: Sequence[tuple[str, str]], *, models: Path | None = None, kv: str = ""
) -> dict[str, Any]:
    """The same, found by another process in an empty home; and an export of all that is there, in `export.zip`.

    Parameters
    ----------
    home : Path
        Made; nothing may be there.
    store : StoreSettings
        Addresses and credentials.
    asked : sequence of (principal, question)
    models : Path, optional
        A cache of models to lend it; None: it fetches its own.
    kv : str
        A question to answer from a KV block alone.
    """
    (home / ".cache" / "memwalk").mkdir(parents=True)
    if models:
        (home / ".cache" / "memwalk" / "models").symlink_to(models, target_is_directory=True)
    env = {name: value for name, value in os.environ.items() if not name.startswith(_OWN)} | {
        "HOME": str(home),
        "NEO4J_URI": store.uri,
        "NEO4J_USERNAME": store.username,
        "NEO4J_PASSWORD": store.password,
        "NEO4J_DATABASE": store.database,
        "MEMWALK_PAYLOADS": store.payloads,
        "PYTHONPATH": os.pathsep.join((str(ROOT / "engine"), str(ROOT))),
    }
    command = [sys.executable, "-m", "tests.second_machine", str(home / "export.zip"), kv]
    done = subprocess.run(
        command, input=json.dumps(asked), env=env, cwd=home, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def _main(archive: str, kv: str) -> None:
    asked = json.load(sys.stdin)
    with memwalk.open() as memory:
        document = {"rankings": rankings(memory, asked), "answer": answer(memory, kv) if kv else ""}
        memory.export(archive)
    json.dump(document, sys.stdout)


def answer(memory: Memory, question: str) -> str:
    """An answer from a KV block alone."""
    plan = memory.plan(question, form="kv")
    assert [pick.form.value for pick in plan.picks] == ["kv"]
    return "".join(memory.generate(plan, max_tokens=16))


if __name__ == "__main__":
    _main(*sys.argv[1:])
