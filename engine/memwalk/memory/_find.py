# SPDX-License-Identifier: Apache-2.0
"""Searching: the walk, over what one principal may read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memwalk.errors import InvalidArgument

if TYPE_CHECKING:
    from memwalk.memory._session import Session
    from memwalk.walk import Profile, Result

__all__ = ["explain", "search"]


def search(session: Session, principal: str, query: str, *, limit: int, profile: Profile | None) -> list[Result]:
    """Passages for a query, best first."""
    from memwalk.ingest import query_entities
    from memwalk.walk import DEFAULT_PROFILE, ReadableGraph, describe, read_contents
    from memwalk.walk import search as walk_search

    if not query.strip():
        raise InvalidArgument("query", query, "a question or some words")
    if limit < 1:
        raise InvalidArgument("limit", limit, "1 or more")
    vector = session.check_embedder().encode([query])[0]
    phrases = query_entities(session.models.parser, query)
    with session.walk_graph() as graph:
        classes = session.readable_classes(principal)
        found = walk_search(ReadableGraph(graph, classes), query, vector, phrases, profile or DEFAULT_PROFILE, limit)
    return describe(found, read_contents(session.store, (unit for one in found for unit in one.units), classes))


def explain(session: Session, principal: str, query: str, *, limit: int, profile: Profile | None) -> str:
    """The walk for a query in words."""
    from memwalk.walk import explain_result

    results = search(session, principal, query, limit=limit, profile=profile)
    if not results:
        return "nothing found"
    return "\n".join(explain_result(result) for result in results)
