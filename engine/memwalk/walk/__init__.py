# SPDX-License-Identifier: Apache-2.0
"""The walk: from a query into the graph a principal may read, and back with units and reasons."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from memwalk.walk._profile import DEFAULT_PROFILE, Profile

if TYPE_CHECKING:
    from memwalk.walk._adjacency import Adjacency
    from memwalk.walk._graph import Snapshot, WalkGraph
    from memwalk.walk._load import catch_up, load_walk_graph, read_contents
    from memwalk.walk._pagerank import personalized_pagerank, power_iteration
    from memwalk.walk._paths import path_strengths, strongest_path
    from memwalk.walk._readable import ReadableGraph
    from memwalk.walk._records import Changes, Entity, Fact, Reading
    from memwalk.walk._search import Content, Found, Result, Step, Walk, describe, explain_result, search, walk
    from memwalk.walk._seeds import Seeds, find_seeds, named_entities

# These need numpy or the driver, so they are imported when first asked for.
_LATER = {
    "Adjacency": "_adjacency",
    "Changes": "_records",
    "Content": "_search",
    "Entity": "_records",
    "Fact": "_records",
    "Found": "_search",
    "ReadableGraph": "_readable",
    "Reading": "_records",
    "Result": "_search",
    "Seeds": "_seeds",
    "Snapshot": "_graph",
    "Step": "_search",
    "Walk": "_search",
    "WalkGraph": "_graph",
    "catch_up": "_load",
    "describe": "_search",
    "explain_result": "_search",
    "find_seeds": "_seeds",
    "load_walk_graph": "_load",
    "named_entities": "_seeds",
    "path_strengths": "_paths",
    "personalized_pagerank": "_pagerank",
    "power_iteration": "_pagerank",
    "read_contents": "_load",
    "search": "_search",
    "strongest_path": "_paths",
    "walk": "_search",
}

__all__ = [
    "DEFAULT_PROFILE",
    "Adjacency",
    "Changes",
    "Content",
    "Entity",
    "Fact",
    "Found",
    "Profile",
    "ReadableGraph",
    "Reading",
    "Result",
    "Seeds",
    "Snapshot",
    "Step",
    "Walk",
    "WalkGraph",
    "catch_up",
    "describe",
    "explain_result",
    "find_seeds",
    "load_walk_graph",
    "named_entities",
    "path_strengths",
    "personalized_pagerank",
    "power_iteration",
    "read_contents",
    "search",
    "strongest_path",
    "walk",
]


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
