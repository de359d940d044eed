# SPDX-License-Identifier: Apache-2.0
"""The walk: from a query into the graph a principal may read, and back with units and reasons."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from memwalk.walk._profile import DEFAULT_PROFILE, Profile

if TYPE_CHECKING:
    from memwalk.walk._adjacency import Adjacency
    from memwalk.walk._graph import Edge, Node, WalkGraph
    from memwalk.walk._lexical import LexicalIndex
    from memwalk.walk._load import load_walk_graph
    from memwalk.walk._pagerank import personalized_pagerank, power_iteration
    from memwalk.walk._paths import path_strengths, strongest_path
    from memwalk.walk._search import Result, Step, explain_result, search
    from memwalk.walk._seeds import Seeds, find_seeds, named_entities

__all__ = [
    "DEFAULT_PROFILE",
    "Adjacency",
    "Edge",
    "LexicalIndex",
    "Node",
    "Profile",
    "Result",
    "Seeds",
    "Step",
    "WalkGraph",
    "explain_result",
    "find_seeds",
    "load_walk_graph",
    "named_entities",
    "path_strengths",
    "personalized_pagerank",
    "power_iteration",
    "search",
    "strongest_path",
]

# These need numpy or the driver, so they are imported when first asked for.
_LATER = {
    "Adjacency": "_adjacency",
    "Edge": "_graph",
    "LexicalIndex": "_lexical",
    "Node": "_graph",
    "Result": "_search",
    "Seeds": "_seeds",
    "Step": "_search",
    "WalkGraph": "_graph",
    "explain_result": "_search",
    "find_seeds": "_seeds",
    "load_walk_graph": "_load",
    "named_entities": "_seeds",
    "path_strengths": "_paths",
    "personalized_pagerank": "_pagerank",
    "power_iteration": "_pagerank",
    "search": "_search",
    "strongest_path": "_paths",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
