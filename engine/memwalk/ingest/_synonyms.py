# SPDX-License-Identifier: Apache-2.0
"""Near-synonyms: entities whose phrases mean much the same to the embedder."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["has_substance", "may_be_synonyms", "pairs_of_substance", "similar_pairs"]

_CELLS = 1 << 23
"""Scores computed at once (32 MiB)."""
_CANDIDATES = 1 << 14
"""Pairs scored exactly at once."""
_SLACK = 1e-4
"""More than a float32 product of unit vectors can be wrong by."""
_NUMBERS = re.compile(r"\d+")


def similar_pairs(
    new: NDArray[np.float32],
    all_vectors: NDArray[np.float32],
    *,
    new_names: Sequence[str],
    all_names: Sequence[str],
    threshold: float = 0.8,
) -> list[tuple[int, int, float]]:
    """All pairs of a new phrase and any phrase whose cosine reaches a threshold.

    Parameters
    ----------
    new : ndarray of float32, shape (n, d)
        Unit vectors, one a row.
    all_vectors : ndarray of float32, shape (m, d)
        Unit vectors to compare them with, the new ones among them or not.
    new_names, all_names : sequence of str
        The normalised phrases. A phrase is no synonym of itself, and `may_be_synonyms` must hold.
    threshold : float
        Smallest cosine.

    Returns
    -------
    list of (int, int, float)
        Row of `new`, row of `all_vectors`, cosine; sorted by the rows. Two new phrases are found from
        either side, with the same cosine.

    Notes
    -----
    Exact, n by m: candidates by blocks of float32 products, then each by itself in float64. So a pair's
    cosine, and whether it is a pair, does not depend on what else is compared in the same call, and
    adding documents one by one gives what adding them at once gives. HippoRAG [1]_ also keeps only the
    nearest 100 of a phrase; that would make one pair depend on others.

    References
    ----------
    .. [1] Gutiérrez et al., "HippoRAG: Neurobiologically Inspired Long-Term Memory for Large Language
       Models", 2024, arXiv:2405.14831, section 2.3.
    """
    import numpy as np

    rows = np.array([i for i, name in enumerate(new_names) if has_substance(name)], dtype=np.intp)
    columns = np.array([j for j, name in enumerate(all_names) if has_substance(name)], dtype=np.intp)
    found = pairs_of_substance(
        new[rows],
        all_vectors if columns.size == len(all_vectors) else all_vectors[columns],
        [new_names[i] for i in rows],
        [all_names[j] for j in columns],
        threshold,
    )
    return [(int(rows[i]), int(columns[j]), score) for i, j, score in found]


def pairs_of_substance(
    new: NDArray[np.float32],
    all_vectors: NDArray[np.float32],
    new_names: Sequence[str],
    all_names: Sequence[str],
    threshold: float,
) -> list[tuple[int, int, float]]:
    """`similar_pairs` of phrases that are known to say enough to be compared."""
    import numpy as np

    if not len(new) or not len(all_vectors):
        return []
    step = max(1, _CELLS // len(all_vectors))
    pairs: list[tuple[int, int, float]] = []
    for start in range(0, len(new), step):
        found_i, j = np.nonzero(new[start : start + step] @ all_vectors.T >= threshold - _SLACK)
        i = start + found_i
        for at in range(0, i.size, _CANDIDATES):
            part_i, part_j = i[at : at + _CANDIDATES], j[at : at + _CANDIDATES]
            scores = np.einsum("pd,pd->p", new[part_i].astype(np.float64), all_vectors[part_j].astype(np.float64))
            near = scores >= threshold
            pairs += zip(part_i[near].tolist(), part_j[near].tolist(), scores[near].tolist(), strict=True)
    return [(i, j, score) for i, j, score in pairs if may_be_synonyms(new_names[i], all_names[j])]


def has_substance(phrase: str) -> bool:
    """Whether a normalised phrase says enough to be compared: three letters or digits, or two ideographs.

    HippoRAG's rule, which counts only ASCII, for any script.
    """
    solid = phrase.replace(" ", "")
    return len(solid) > 2 or (len(solid) == 2 and all(character >= "\u2e80" for character in solid))


def may_be_synonyms(first: str, second: str) -> bool:
    """Whether two normalised phrases can mean the same: they differ, and not in a number.

    To an embedder 1963 is close to 1964, and "chapter 3" to "chapter 4".
    """
    return first != second and sorted(_NUMBERS.findall(first)) == sorted(_NUMBERS.findall(second))
