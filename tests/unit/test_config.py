# SPDX-License-Identifier: Apache-2.0
"""Settings come from one reading of the environment."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from memwalk.config import Settings
from memwalk.errors import ConfigurationError

ENGINE = Path(__file__).parents[2] / "engine"


def test_reads_types() -> None:
    """Numbers, booleans, paths and strings arrive as such."""
    settings = Settings.from_environment(
        {"MEMWALK_NEO4J_BOLT_PORT": "7687", "MEMWALK_OFFLINE": "no", "MEMWALK_CACHE": "/c", "NEO4J_URI": "bolt://x"}
    )
    assert settings.server.bolt_port == 7687
    assert settings.models.offline is False
    assert settings.cache == Path("/c")
    assert settings.store.uri == "bolt://x"


@pytest.mark.parametrize(
    ("name", "text"), [("MEMWALK_NEO4J_BOLT_PORT", "many"), ("MEMWALK_OFFLINE", "perhaps"), ("MEMWALK_NEO4J_IDLE", "")]
)
def test_refuses_nonsense(name: str, text: str) -> None:
    """A value of the wrong type is refused by name; an empty one is no value."""
    if text:
        with pytest.raises(ConfigurationError, match=name):
            Settings.from_environment({name: text})
    else:
        assert Settings.from_environment({name: text}) == Settings()


def test_secrets_are_not_shown() -> None:
    """Passwords and keys do not appear in a repr."""
    settings = Settings.from_environment({"NEO4J_PASSWORD": "hush", "OPENAI_API_KEY": "hush"})
    assert "hush" not in repr(settings)


def test_environment_is_read_in_one_place() -> None:
    """Only config.py reads the environment."""
    readers = [p for p in ENGINE.rglob("*.py") if re.search(r"os\.environ\b|getenv", p.read_text(encoding="utf-8"))]
    allowed = {"config.py"}
    assert {p.name for p in readers} <= allowed | {"_supervised_environment.py"}, readers
