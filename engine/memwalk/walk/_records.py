# SPDX-License-Identifier: Apache-2.0
"""What the walk graph is told of units: as they are now, with the edges that they own."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["TEXTS", "Changes", "Entity", "Fact", "Reading"]

TEXTS = ("Note", "Passage", "Summary")
"""Kinds whose units are read, and so seeded by what they say; sorted."""


class Reading(NamedTuple):
    """A passage, note or summary, and all edges that it is the evidence of.

    `policy` is the key of its policy class; `text` is what BM25 sees; `vector` is of unit length, None where the
    store holds none. `mentions` and `about` are entities, `states` facts with how often it says them, `beside`
    the passages before and after it.
    """

    id: str
    kind: str
    space: str
    policy: str
    seq: int
    text: str
    vector: Sequence[float] | NDArray[np.float32] | None
    mentions: Sequence[str] = ()
    about: Sequence[str] = ()
    states: Sequence[tuple[str, int]] = ()
    beside: Sequence[str] = ()


class Entity(NamedTuple):
    """An entity, and its near-synonyms with their cosines."""

    id: str
    seq: int
    vector: Sequence[float] | NDArray[np.float32] | None
    similar: Sequence[tuple[str, float]] = ()


class Fact(NamedTuple):
    """A fact between two entities, which never change."""

    id: str
    seq: int
    vector: Sequence[float] | NDArray[np.float32] | None
    subject: str
    object: str


class Changes(NamedTuple):
    """Units that were written, as they are now, and the ids of those that are gone."""

    readings: Sequence[Reading] = ()
    entities: Sequence[Entity] = ()
    facts: Sequence[Fact] = ()
    gone: Sequence[str] = ()
