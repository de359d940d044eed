# SPDX-License-Identifier: Apache-2.0
"""The README is true: its Python runs, its commands exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from typer.main import get_command

from memwalk.cli import app

if TYPE_CHECKING:
    import pytest

README = Path(__file__).parents[2] / "README.md"


def test_python_runs(
    store_directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The snippet works on a new store, with a folder that is there."""
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 1
    monkeypatch.chdir(README.parent / "demo" / "corpus")
    code = blocks[0].replace("~/notes", str(store_directory)).replace("reports/", "works/")
    exec(compile(code, str(README), "exec"), {})  # our own README
    assert "tokens of memory" in capsys.readouterr().out


def test_commands_exist() -> None:
    """Every `memwalk …` line of the README names a command that is there."""
    commands = get_command(app)
    lines = re.findall(r"^memwalk ([a-z]+)", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(lines) >= 10
    assert set(lines) <= set(commands.commands)  # type: ignore[attr-defined]


def test_make_targets_exist() -> None:
    """Every `make …` of the README is a target."""
    targets = re.findall(r"^([a-z-]+):", (README.parent / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"make ([a-z-]+)", README.read_text(encoding="utf-8"))) <= set(targets)
