# SPDX-License-Identifier: Apache-2.0
"""BM25 over the readable: postings of words, grown and shrunk with the graph."""

from __future__ import annotations

import hashlib
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from memwalk.text import normalise_phrase
from memwalk.walk._nodes import NOBODY, with_room

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["K1", "B", "Postings", "Words"]

K1 = 0.9
B = 0.4


class Postings(NamedTuple):
    """Words of nodes as arrays. A word is kept as a hash of 64 bits.

    Attributes
    ----------
    word : uint64 [words]
        Ascending.
    begin : int64 [words + 1]
    node : int32 [postings]
        Ascending for each word.
    times : int32 [postings]
    length : int32 [nodes]
        Words of each node.
    """

    word: NDArray[np.uint64]
    begin: NDArray[np.int64]
    node: NDArray[np.int32]
    times: NDArray[np.int32]
    length: NDArray[np.int32]

    @classmethod
    def build(cls, nodes: int, node: NDArray[np.int64], word: NDArray[np.uint64], times: NDArray[np.int64]) -> Postings:
        """Sort rows of a node, a word, and how often it is there; each pair once."""
        order = np.lexsort((node, word))
        node, word, times = node[order], word[order], times[order]
        words, first = np.unique(word, return_index=True)
        length = np.bincount(node, weights=times, minlength=nodes).astype(np.int32)
        begin = np.append(first, len(word)).astype(np.int64)
        return cls(words, begin, node.astype(np.int32), times.astype(np.int32), length)

    @classmethod
    def none(cls) -> Postings:
        """No words."""
        empty = np.zeros(0, dtype=np.int64)
        return cls.build(0, empty, empty.astype(np.uint64), empty)


class Words:
    """BM25 scores for queries; words as in normalised phrases, on any script that parts them.

    Document frequencies and lengths are those of the readable nodes and of nothing else: they are counted
    for each query among the postings of its words, and by policy class.

    Parameters
    ----------
    base : Postings
    policy : int32 [nodes]
        Policy class of each node of the base.

    References
    ----------
    .. [1] S. Robertson, H. Zaragoza, "The probabilistic relevance framework: BM25 and beyond", 2009.
    .. [2] A. Trotman et al., "Improvements to BM25 and language models examined", ADCS 2014 (k1 = 0.9, b = 0.4).
    .. [3] X. H. Lù, "BM25S: orders of magnitude faster lexical search via eager sparse scoring", arXiv:2407.03618
       (the "lucene" form, which is used here).
    """

    def __init__(self, base: Postings, policy: NDArray[np.int32]) -> None:
        self._base = base
        self._length = with_room(np.array(base.length), len(base.length) + 1)  # room for the next node
        self._in_base = np.ones(len(base.length), dtype=bool)
        """Whether what the base says of a node still holds."""
        self._of: dict[int, Counter[int]] = {}
        """Words of the nodes for which it does not."""
        self._added: dict[int, dict[int, int]] = {}
        """The same by word."""
        classes = int(policy.max(initial=0)) + 1
        self._count = np.bincount(policy[base.length > 0], minlength=classes)
        self._total = np.bincount(policy, weights=base.length, minlength=classes).astype(np.int64)

    def set(self, node: int, text: str, old_policy: int, policy: int) -> None:
        """Set what a node says; the numbers are those of its policy class before and now (`NOBODY` for none)."""
        self._length = with_room(self._length, node + 1)
        old = int(self._length[node])
        for word in self._of.pop(node, ()):
            self._added[word].pop(node)
        if node < len(self._in_base):
            self._in_base[node] = False
        words = Counter(map(_hashed, normalise_phrase(text).split())) if policy != NOBODY else Counter()
        if words:
            self._of[node] = words
        for word, times in words.items():
            self._added.setdefault(word, {})[node] = times
        self._length[node] = words.total()
        for number, sign, length in ((old_policy, -1, old), (policy, 1, words.total())):
            if length:
                self._count, self._total = (with_room(column, number + 1) for column in (self._count, self._total))
                self._count[number] += sign
                self._total[number] += sign * length

    def scores(
        self, query: str, readable: NDArray[np.uint8], policy: NDArray[np.int32]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The readable nodes that share a word with a query, ascending, and their scores.

        Parameters
        ----------
        query : str
        readable : uint8 [classes]
        policy : int32 [nodes]
        """
        classes = min(len(readable), len(self._count))
        mask = readable[:classes].astype(bool)
        count, total = int(self._count[:classes][mask].sum()), int(self._total[:classes][mask].sum())
        found, gained = [], []
        for word in map(_hashed, normalise_phrase(query).split()):
            node, times = self._postings(word)
            kept = readable[policy[node]] > 0
            node, times = node[kept], times[kept]
            if not len(node):
                continue
            frequency = len(node)
            rarity = np.log1p((count - frequency + 0.5) / (frequency + 0.5))
            saturated = times / (times + K1 * (1 - B + B * self._length[node] * count / total))
            found.append(node)
            gained.append(rarity * saturated)
        if not found:
            return np.zeros(0, dtype=np.int64), np.zeros(0)
        nodes, place = np.unique(np.concatenate(found), return_inverse=True)
        return nodes, np.asarray(np.bincount(place, weights=np.concatenate(gained)), dtype=np.float64)

    def _postings(self, word: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The nodes that hold a word, and how often."""
        place = int(np.searchsorted(self._base.word, np.uint64(word)))
        node = times = np.zeros(0, dtype=np.int64)
        if place < len(self._base.word) and int(self._base.word[place]) == word:
            row = slice(int(self._base.begin[place]), int(self._base.begin[place + 1]))
            node, times = self._base.node[row].astype(np.int64), self._base.times[row].astype(np.int64)
            kept = self._in_base[node]
            node, times = node[kept], times[kept]
        added = self._added.get(word)
        if added:
            node = np.concatenate((node, np.fromiter(added.keys(), dtype=np.int64, count=len(added))))
            times = np.concatenate((times, np.fromiter(added.values(), dtype=np.int64, count=len(added))))
        return node, times

    def packed(self, numbers: NDArray[np.int64]) -> Postings:
        """The words of these nodes alone, under their places here as numbers."""
        base = self._base
        node = base.node.astype(np.int64)
        word = np.repeat(base.word, np.diff(base.begin))
        kept = self._in_base[node]
        rows = [(n, w, t) for n, words in self._of.items() for w, t in words.items()]
        added = np.array([(n, t) for n, _, t in rows], dtype=np.int64).reshape(len(rows), 2)
        node = np.concatenate((node[kept], added[:, 0]))
        word = np.concatenate((word[kept], np.array([w for _, w, _ in rows], dtype=np.uint64)))
        times = np.concatenate((base.times[kept].astype(np.int64), added[:, 1]))
        place = np.full(max(int(node.max(initial=-1)), int(numbers.max(initial=-1))) + 1, -1, dtype=np.int64)
        place[numbers] = np.arange(len(numbers))
        here = place[node] >= 0
        return Postings.build(len(numbers), place[node[here]], word[here], times[here])


@lru_cache(maxsize=1 << 16)
def _hashed(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")
