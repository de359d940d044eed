# SPDX-License-Identifier: Apache-2.0
"""Searching: the walk, over what one principal may read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memwalk.errors import InvalidArgument
from memwalk.units import check_time

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from memwalk.memory._session import Session
    from memwalk.walk import Content, Moment, Profile, Result

__all__ = ["search", "tell"]


def search(
    session: Session,
    principal: str,
    query: str,
    *,
    limit: int,
    profile: Profile | None,
    at: int | None = None,
    valid_at: int | None = None,
) -> list[Result]:
    """Passages for a query, best first; of now, or as of a moment."""
    from memwalk.ingest import query_entities
    from memwalk.walk import DEFAULT_PROFILE, Moment, ReadableGraph, describe
    from memwalk.walk import search as walk_search

    if not query.strip():
        raise InvalidArgument("query", query, "a question or some words")
    if limit < 1:
        raise InvalidArgument("limit", limit, "1 or more")
    check_time("at", at)
    check_time("valid_at", valid_at)
    moment = Moment(at, valid_at)
    vector = session.check_embedder().encode([query])[0]
    phrases = query_entities(session.models.parser, query)
    with session.walk_graph(moment) as graph:
        classes = session.readable_classes(principal)
        found = walk_search(ReadableGraph(graph, classes), query, vector, phrases, profile or DEFAULT_PROFILE, limit)
    return describe(found, _contents(session, {unit for one in found for unit in one.units}, classes, moment))


def _contents(session: Session, ids: Collection[str], classes: Sequence[str], moment: Moment) -> dict[str, Content]:
    """What these units say, or said."""
    from memwalk.walk import PRESENT, read_contents

    if moment == PRESENT:
        return read_contents(session.store, ids, classes)
    with session.store.paused() as reader:  # the end of a version may show before the next version
        return read_contents(reader, ids, classes, moment)


def tell(results: Sequence[Result]) -> str:
    """What a search found, and why, in words."""
    from memwalk.walk import explain_result

    return "\n".join(map(explain_result, results)) or "nothing found"
