# SPDX-License-Identifier: Apache-2.0
"""What passages say: the entities they mention and the facts they state, written where the passages are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from memwalk.ingest._neighbours import late_pairs
from memwalk.store import FOREVER
from memwalk.units import put_units

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from memwalk.ingest._neighbours import Pair
    from memwalk.ingest._rows import BatchRows
    from memwalk.store import Transaction

__all__ = ["Concepts", "OvertakenError", "join_late", "write_concepts"]

_VECTORS_AT_ONCE = 1_000


class OvertakenError(Exception):
    """Another writer changed what a batch stands on: prepare it again."""


@dataclass(frozen=True, slots=True)
class Concepts:
    """What was read out of some passages, before any of it is written."""

    rows: BatchRows
    vectors: Mapping[str, NDArray[np.float32]]
    """Of the passages, and of the entities and facts that are not there yet."""
    similar: list[Pair]
    """Near-synonyms."""
    since: int
    """The last change that they take into account."""
    said: Mapping[str, str] = field(default_factory=dict)
    """Hashes of what passages say, where others of their space may take over what was read out of them."""
    costs: Mapping[str, int] = field(default_factory=dict)
    """How many passages were extracted, embedded, and reused; by their names in the report."""


def write_concepts(tx: Transaction, activity: str, put: Mapping[str, int], concepts: Concepts) -> dict[str, int]:
    """Write what passages say, and the vectors of it all.

    Parameters
    ----------
    tx : Transaction
    activity : str
    put : mapping
        Numbers of the passages' new versions; what passages that are not in it say is left out.
    concepts : Concepts

    Returns
    -------
    dict
        The new heads' numbers of the entities and facts that are new or live again, by id.

    Raises
    ------
    OvertakenError
        An entity or fact that was there is gone, so that its vector is missing.
    """
    rows, span = concepts.rows, {"at": tx.at, "forever": FOREVER}
    made = put_units(tx, activity, [*rows.entities, *rows.facts])
    if made.keys() - concepts.vectors.keys():
        raise OvertakenError
    evidence = [row | {"source_seq": put[row["source"]]} for row in rows.evidence if row["source"] in put]
    tx.run("units/create_evidence", rows=evidence, **span)
    tx.run("units/create_mentions_edges", rows=[row for row in rows.mentions if row["source"] in put], **span)
    tx.run("units/create_about_edges", rows=[row for row in rows.about if row["source"] in put], **span)
    tx.run("units/create_fact_edges", rows=rows.statements)
    tx.run("units/create_similar_edges", rows=_similar_rows(concepts.similar), **span)
    filled = sorted((put.keys() | made.keys()) & concepts.vectors.keys())
    for first in range(0, len(filled), _VECTORS_AT_ONCE):  # the server keeps parameters boxed
        part = filled[first : first + _VECTORS_AT_ONCE]
        vectors = [{"id": unit_id, "vector": concepts.vectors[unit_id].tolist()} for unit_id in part]
        tx.run("units/set_vectors", rows=vectors)
    said = [{"id": unit_id, "said": concepts.said[unit_id]} for unit_id in sorted(put.keys() & concepts.said.keys())]
    tx.run("units/set_said", rows=said)
    return made


def join_late(tx: Transaction, made: Mapping[str, int], concepts: Concepts) -> None:
    """Join new entities with near-synonyms that other writers committed meanwhile; last, as others wait from here on.

    Parameters
    ----------
    tx : Transaction
    made : mapping
        What `write_concepts` returned.
    concepts : Concepts
    """
    new = [unit for unit in concepts.rows.entities if unit.id in made]
    if new:
        late = late_pairs(tx, concepts.since, new, concepts.vectors)
        tx.run("units/create_similar_edges", rows=_similar_rows(late), at=tx.at, forever=FOREVER)


def _similar_rows(pairs: Iterable[Pair]) -> list[dict[str, object]]:
    return [{"source": source, "target": target, "score": score} for source, target, score in pairs]
