# SPDX-License-Identifier: Apache-2.0
"""The walk graph's nodes: numbered units, with what the walk has to know of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from memwalk.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

__all__ = ["KINDS", "NOBODY", "NodeArrays", "Nodes", "with_room"]

D = TypeVar("D", bound=np.generic)

KINDS = ("Entity", "Fact", "Note", "Passage", "Summary")
"""What is walked on; sorted."""
NOBODY = 1
"""The policy class of what is gone."""


class NodeArrays(NamedTuple):
    """Nodes as arrays, sorted by kind and id.

    Attributes
    ----------
    ids : bytes [nodes]
    kind : uint8 [nodes]
        Position in `KINDS`.
    policy : int32 [nodes]
        Number of the policy class; 0 for entities and facts, which are readable by their evidence.
    space : int32 [nodes]
        Number of the space; 0 for none.
    seq : int32 [nodes]
        Head version.
    ends : int32 [nodes, 2]
        Subject and object of a fact; -1 for others.
    vectors : float32 [nodes, dimension]
        Unit length; a zero row where the store holds none.
    """

    ids: NDArray[np.bytes_]
    kind: NDArray[np.uint8]
    policy: NDArray[np.int32]
    space: NDArray[np.int32]
    seq: NDArray[np.int32]
    ends: NDArray[np.int32]
    vectors: NDArray[np.float32]

    @classmethod
    def none(cls, dimension: int) -> NodeArrays:
        """No nodes."""
        none = np.zeros(0, dtype=np.int32)
        ends, vectors = np.zeros((0, 2), dtype=np.int32), np.zeros((0, dimension), dtype=np.float32)
        return cls(np.zeros(0, dtype="S1"), none.astype(np.uint8), none, none, none, ends, vectors)


class Nodes:
    """Nodes of a base, never renumbered, and those added since.

    Parameters
    ----------
    base : NodeArrays
        `ids` and `vectors` may be mapped from files (copy on write); the other arrays are copied.
    """

    def __init__(self, base: NodeArrays) -> None:
        self._base = base
        self.base = len(base.ids)
        self.count = self.base
        room = self.base + 1  # so that the next node does not move what exists
        self.kind = with_room(np.array(base.kind), room)
        self.policy = with_room(np.array(base.policy), room)
        self.space = with_room(np.array(base.space), room)
        self.seq = with_room(np.array(base.seq), room)
        self.ends = with_room(np.array(base.ends), room)
        self._bounds = np.searchsorted(base.kind, np.arange(len(KINDS) + 1))
        self._ids: list[str] = []
        self._numbers: dict[str, int] = {}
        self._vectors = np.zeros((0, base.vectors.shape[1]), dtype=np.float32)
        self._added: dict[int, list[int]] = {}

    @property
    def dimension(self) -> int:
        """Length of the vectors; 0 while there is none."""
        return int(self._base.vectors.shape[1])

    def find(self, unit_id: str) -> int:
        """The number of a unit, -1 if it never was here."""
        number = self._numbers.get(unit_id, -1)
        if number >= 0:
            return number
        key = np.array(unit_id.encode())
        if key.dtype.itemsize > self._base.ids.dtype.itemsize:
            return -1
        key = key.astype(self._base.ids.dtype)  # of another length, all ids would be copied to compare them
        for start, stop in zip(self._bounds[:-1].tolist(), self._bounds[1:].tolist(), strict=True):
            if start < stop:
                place: int = start + int(np.searchsorted(self._base.ids[start:stop], key))
                if place < stop and self._base.ids[place] == key:
                    return place
        return -1

    def id(self, number: int) -> str:
        """The unit of a number."""
        return self._base.ids[number].decode() if number < self.base else self._ids[number - self.base]

    def ids(self, numbers: Iterable[int]) -> list[str]:
        """The units of numbers."""
        return [self.id(number) for number in numbers]

    def add(self, unit_id: str, kind: str) -> int:
        """The number of a unit, new if it is."""
        number = self.find(unit_id)
        if number >= 0:
            return number
        number = self.count
        place = KINDS.index(kind)
        self.count += 1
        self._ids.append(unit_id)
        self._numbers[unit_id] = number
        self._added.setdefault(place, []).append(number)
        self.kind = with_room(self.kind, self.count)
        self.policy = with_room(self.policy, self.count)
        self.space = with_room(self.space, self.count)
        self.seq = with_room(self.seq, self.count)
        self.ends = with_room(self.ends, self.count)
        self.kind[number], self.policy[number], self.ends[number] = place, NOBODY, -1
        return number

    def set_vectors(self, vectors: Sequence[tuple[int, Any]]) -> None:
        """Set vectors of nodes; None for a zero row.

        Raises
        ------
        InvalidArgument
            They differ in length from each other, or from those that are here.
        """
        sizes = {len(vector) for _, vector in vectors if vector is not None}
        if sizes and not self.dimension:  # the first ones
            self._base = self._base._replace(vectors=np.zeros((self.base, min(sizes)), dtype=np.float32))
            self._vectors = np.zeros((0, min(sizes)), dtype=np.float32)
        if sizes - {self.dimension}:
            raise InvalidArgument("vectors", sorted(sizes | {self.dimension}), "one length")
        self._vectors = with_room(self._vectors, self.count - self.base)
        for number, vector in vectors:
            row = self._base.vectors[number] if number < self.base else self._vectors[number - self.base]
            row[:] = 0 if vector is None else vector

    def vectors(self, numbers: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Vectors of nodes (float32 [numbers, dimension])."""
        numbers = np.asarray(numbers)
        result = np.empty((len(numbers), self.dimension), dtype=np.float32)
        old = numbers < self.base
        result[old] = self._base.vectors[numbers[old]]
        result[~old] = self._vectors[numbers[~old] - self.base]
        return result

    def blocks(self, kind: str) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """All nodes of a kind with their vectors: those of the base, which are not copied, and those added."""
        place = KINDS.index(kind)
        start, stop = self._bounds[place : place + 2].tolist()
        added = np.array(self._added.get(place, []), dtype=np.int64)
        return [
            (np.arange(start, stop), self._base.vectors[start:stop]),
            (added, self._vectors[added - self.base]),
        ]

    def live(self) -> NDArray[np.int64]:
        """The nodes that are not gone, in canonical order: by kind and id."""
        numbers = np.nonzero(self.policy[: self.count] != NOBODY)[0]
        ids = np.array(self.ids(numbers.tolist()), dtype=np.bytes_)
        return numbers[np.lexsort((ids, self.kind[numbers]))] if len(numbers) else numbers

    def packed(self, numbers: NDArray[np.int64]) -> NodeArrays:
        """These nodes alone, as arrays; `ends` with the new numbers."""
        place = np.full(self.count + 1, -1, dtype=np.int32)  # the last is that of -1
        place[numbers] = np.arange(len(numbers))
        ids = np.array(self.ids(numbers.tolist()), dtype=np.bytes_)
        return NodeArrays(
            ids if len(ids) else np.zeros(0, dtype="S1"),
            self.kind[numbers],
            self.policy[numbers],
            self.space[numbers],
            self.seq[numbers],
            place[self.ends[numbers]],
            self.vectors(numbers),
        )


def with_room(column: NDArray[D], size: int) -> NDArray[D]:
    """The column, or a longer copy if it is shorter than this."""
    if size <= len(column):
        return column
    longer = np.zeros((max(size, 2 * len(column), 64), *column.shape[1:]), dtype=column.dtype)
    longer[: len(column)] = column
    return longer
