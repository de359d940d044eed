# SPDX-License-Identifier: Apache-2.0
"""Near-synonyms against a plain loop."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from memwalk.ingest import _synonyms, similar_pairs
from memwalk.ingest._synonyms import has_substance, may_be_synonyms

Vectors = NDArray[np.float32]


def world(size: int, seed: int, dimension: int = 6) -> tuple[Vectors, list[str]]:
    """Unit vectors and phrases, some too short to be compared, some apart by a number."""
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(size, dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, [
        random.choice(["ab", "river {}", "chapter 1 {}", "chapter 2 {}"]).format("x" * n) for n in range(size)
    ]


def plainly(
    new: Vectors, everything: Vectors, new_names: list[str], names: list[str], threshold: float
) -> list[tuple[int, int, float]]:
    """The same by a loop over all pairs."""
    found = []
    for i, first in enumerate(new_names):
        for j, second in enumerate(names):
            cosine = math.fsum(float(a) * float(b) for a, b in zip(new[i], everything[j], strict=True))
            substance = len(first.replace(" ", "")) > 2 and len(second.replace(" ", "")) > 2
            numbers = [[c for c in name if c.isdigit()] for name in (first, second)]
            if substance and first != second and numbers[0] == numbers[1] and cosine >= threshold:
                found.append((i, j, cosine))
    return found


@given(st.integers(0, 12), st.integers(0, 40), st.integers(0, 10**6), st.sampled_from([0.0, 0.5, 0.8]))
def test_pairs_are_those_of_a_plain_loop(some: int, size: int, seed: int, threshold: float) -> None:
    vectors, names = world(size, seed)
    new, new_names = vectors[:some], names[:some]
    pairs = similar_pairs(new, vectors, new_names=new_names, all_names=names, threshold=threshold)
    expected = plainly(new, vectors, new_names, names, threshold)
    assert [pair[:2] for pair in pairs] == [pair[:2] for pair in expected]
    assert [pair[2] for pair in pairs] == pytest.approx([pair[2] for pair in expected], abs=1e-12)


def test_a_pair_does_not_depend_on_what_else_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, names = world(300, 7, dimension=384)
    vectors[1::2] = vectors[::2] + np.float32(0.02) * vectors[1::2]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    whole = similar_pairs(vectors, vectors, new_names=names, all_names=names)
    assert len(whole) > 20
    one_by_one = [
        (row, j, score)
        for row in range(len(names))
        for _, j, score in similar_pairs(
            vectors[row : row + 1], vectors, new_names=names[row : row + 1], all_names=names
        )
    ]
    assert one_by_one == whole  # to the last bit
    assert {(j, i, score) for i, j, score in whole} == set(whole)
    monkeypatch.setattr(_synonyms, "_CELLS", 1000)
    monkeypatch.setattr(_synonyms, "_CANDIDATES", 7)
    assert similar_pairs(vectors, vectors, new_names=names, all_names=names) == whole


@pytest.mark.parametrize(
    ("first", "second", "can"),
    [
        ("beatles", "the beatles", True),
        ("beatles", "beatles", False),
        ("1963", "1964", False),
        ("chapter 3", "chapter 4", False),
        ("september 1984", "1984", True),
        ("euro 2008", "euro", False),
    ],
)
def test_phrases_that_differ_in_a_number_are_no_synonyms(first: str, second: str, can: bool) -> None:
    assert may_be_synonyms(first, second) is can
    assert may_be_synonyms(second, first) is can


@pytest.mark.parametrize(
    ("phrase", "has"),
    [("", False), ("us", False), ("u s", False), ("usa", True), ("\u5317\u4eac", True), ("\u5317", False)],
)
def test_short_phrases_are_not_compared(phrase: str, has: bool) -> None:
    assert has_substance(phrase) is has
