# SPDX-License-Identifier: Apache-2.0
"""The entities that new ones are compared with: taken in, changed and let go of in any order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from memwalk.ingest import similar_pairs
from memwalk.ingest._neighbours import EntityNeighbours
from memwalk.units import NewUnit

if TYPE_CHECKING:
    import pytest
    from numpy.typing import NDArray

NAMES = ("ab", "river", "rivers", "river 1", "river 2", "the river", "lake", "lakes")
ACTS = st.lists(st.tuples(st.sampled_from(range(len(NAMES))), st.booleans()), max_size=30)


def _vectors() -> NDArray[np.float32]:
    random = np.random.default_rng(5)
    vectors = np.ones((len(NAMES), 4)) + 0.3 * random.normal(size=(len(NAMES), 4))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32)


@given(ACTS, st.sets(st.sampled_from(range(len(NAMES))), min_size=1))
def test_pairs_are_those_of_what_is_left(acts: list[tuple[int, bool]], new: set[int]) -> None:
    """After any sequence of taking in and letting go, pairs are those of new x (left and new), each once, sorted."""
    vectors = _vectors()
    neighbours = EntityNeighbours(4)
    left: set[int] = set()
    for number, comes in acts:
        if comes:
            neighbours.put(str(number), NAMES[number], vectors[number])
            left.add(number)
        else:
            neighbours.drop(str(number))
            left.discard(number)
    units = [NewUnit(str(number), "Entity", NAMES[number], "") for number in sorted(new)]
    found = neighbours.pairs(units, {unit.id: vectors[int(unit.id)] for unit in units})
    everything = sorted(left | new)
    plain: dict[tuple[str, str], Any] = {}
    for i, j, score in similar_pairs(
        vectors[sorted(new)],
        vectors[everything],
        new_names=[NAMES[n] for n in sorted(new)],
        all_names=[NAMES[n] for n in everything],
    ):
        ends = sorted((str(sorted(new)[i]), str(everything[j])))
        plain[ends[0], ends[1]] = score
    assert found == [(a, b, score) for (a, b), score in sorted(plain.items())]


def test_it_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    """More entities than there was room for are all there."""
    monkeypatch.setattr("memwalk.ingest._neighbours._ROOM", 2)
    vectors = _vectors()
    neighbours = EntityNeighbours(4)
    for number, name in enumerate(NAMES):
        neighbours.put(str(number), name, vectors[number])
    assert len(neighbours) == len(NAMES) - 1  # "ab" says too little
    unit = NewUnit("new", "Entity", "another river", "")
    assert neighbours.pairs([unit], {"new": vectors[1]})[0][:2] == ("1", "new")
