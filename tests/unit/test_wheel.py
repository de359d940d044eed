# SPDX-License-Identifier: Apache-2.0
"""The wheel carries what a checkout has: queries, migrations, jar lists, the model catalogue."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]

CODE = """
import memwalk
from memwalk.store import load_query, query_names
from memwalk.store._migrations import graph_description, list_migrations
from memwalk.store.server._jars import read_list, server_versions
print(memwalk.__file__)
print(len([load_query(name) for name in query_names()]), len(list_migrations()), len(graph_description()["nodes"]))
print([len(read_list(version)) for version in server_versions()])
"""


def run(path: Path) -> list[str]:
    """What the code prints with memwalk found at a path."""
    environment = {**os.environ, "PYTHONPATH": str(path)}
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True, env=environment)
    return done.stdout.splitlines()


def test_wheel_is_complete(tmp_path: Path) -> None:
    """An unpacked wheel finds its own files, as many as the checkout."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
        assert any(name.endswith("licenses/LICENSE") for name in archive.namelist())
        assert {"memwalk/models/catalog.toml", "memwalk/ingest/prompts/extract.toml"} <= set(archive.namelist())
    installed, checkout = run(tmp_path / "site"), run(ROOT / "engine")
    assert installed[0].startswith(str(tmp_path))
    assert installed[1:] == checkout[1:]
