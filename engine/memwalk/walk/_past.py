# SPDX-License-Identifier: Apache-2.0
"""Reading units as of a moment: as their versions of then say, with the edges and the evidence of then.

Policy classes are those of now: a version is readable by who may read it today, whoever could then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from memwalk.store import FOREVER
from memwalk.units import DERIVED
from memwalk.walk._records import TEXTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memwalk.store import Reader, Store

__all__ = ["PRESENT", "Moment", "contents_as_of", "ids_as_of", "rows_as_of"]

Row = dict[str, Any]
_WALKED = ("Entity", "Fact", *TEXTS)


class Moment(NamedTuple):
    """When a walk is: what the store held at a system time, and of it what held in the world.

    Attributes
    ----------
    at : int or None
        System time (ms). None: now.
    valid_at : int or None
        World time (ms). None: whatever it says of when it holds.
    """

    at: int | None = None
    valid_at: int | None = None

    @property
    def system(self) -> int:
        """What lifetimes are compared with: what is so now is so at the last moment there is."""
        return FOREVER - 1 if self.at is None else self.at


PRESENT = Moment()
"""Now, and all of it."""


def ids_as_of(store: Store, moment: Moment) -> list[str]:
    """The units that were walked then, those that others are told with first."""
    return [row["id"] for row in store.stream("walk/stream_ids_at", at=moment.system, kinds=list(_WALKED))]


def rows_as_of(reader: Reader, ids: Sequence[str], moment: Moment) -> tuple[list[Row], list[Row], list[Row]]:
    """The entities, the facts, and what is read, among these units, as rows; what did not hold is left out."""
    when: Row = {"ids": list(ids), "at": moment.system, "valid_at": moment.valid_at}
    entities = reader.read("walk/get_entities_at", **when)
    facts = reader.read("walk/get_facts_at", **when)
    passages = reader.read("walk/get_passages_at", **when)
    return entities, facts, passages + reader.read("walk/get_notes_at", **when, derived=list(DERIVED))


def contents_as_of(reader: Reader, ids: Sequence[str], classes: Sequence[str], moment: Moment) -> list[Row]:
    """What those of these units say that may be read now, as rows."""
    return reader.read("walk/get_contents_at", ids=list(ids), classes=list(classes), at=moment.system)
