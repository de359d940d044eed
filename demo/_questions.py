# SPDX-License-Identifier: Apache-2.0
"""The demo's corpus and questions."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["CORPUS", "Fact", "Question", "load_fact", "load_questions"]

FOLDER = Path(__file__).parent
CORPUS = FOLDER / "corpus"


@dataclass(frozen=True, slots=True)
class Question:
    """A question of two hops, its answer, and the two documents that hold the hops (relative to `CORPUS`)."""

    id: str
    text: str
    answer: str
    bridge: str
    hops: tuple[str, ...]
    quotes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """A question that one passage answers."""

    text: str
    answer: str
    file: str


def _read() -> dict[str, Any]:
    return tomllib.loads((FOLDER / "questions.toml").read_text(encoding="utf-8"))


def load_fact() -> Fact:
    """The question for the adapter."""
    return Fact(**_read()["fact"])


def load_questions() -> dict[str, Question]:
    """The questions by id."""
    return {
        e["id"]: Question(
            e["id"],
            e["text"],
            e["answer"],
            e["bridge"],
            tuple(hop["file"] for hop in e["hops"]),
            tuple(hop["quote"] for hop in e["hops"]),
        )
        for e in _read()["question"]
    }
