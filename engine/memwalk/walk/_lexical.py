# SPDX-License-Identifier: Apache-2.0
"""BM25 over the readable passages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from memwalk.text import normalise_phrase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["LexicalIndex"]

K1 = 0.9
B = 0.4


class LexicalIndex:
    """BM25 scores of texts for queries; words as in normalised phrases, on any script that parts them.

    Document frequencies and lengths are those of the texts given and of nothing else.

    Parameters
    ----------
    texts : sequence of str

    References
    ----------
    .. [1] S. Robertson, H. Zaragoza, "The probabilistic relevance framework: BM25 and beyond", 2009.
    .. [2] A. Trotman et al., "Improvements to BM25 and language models examined", ADCS 2014 (k1 = 0.9, b = 0.4).
    .. [3] X. H. Lù, "BM25S: orders of magnitude faster lexical search via eager sparse scoring", arXiv:2407.03618.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._count = len(texts)
        self._vocabulary: dict[str, int] = {}
        words = [normalise_phrase(text).split() for text in texts]
        for word in sorted({word for text in words for word in text}):
            self._vocabulary[word] = len(self._vocabulary)
        self._index: Any = None
        if self._vocabulary:
            import bm25s

            self._index = bm25s.BM25(k1=K1, b=B)
            ids = [[self._vocabulary[word] for word in text] for text in words]
            self._index.index((ids, dict(self._vocabulary)), show_progress=False)

    def scores(self, query: str) -> NDArray[np.float64]:
        """Scores of all texts, zero where no word is shared (float64 [texts])."""
        known = [self._vocabulary[word] for word in normalise_phrase(query).split() if word in self._vocabulary]
        if not known:
            return np.zeros(self._count)
        return np.asarray(self._index.get_scores_from_ids(known), dtype=np.float64)
