# SPDX-License-Identifier: Apache-2.0
"""The walk: from a query into the graph a principal may read, and back with units and reasons."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from memwalk.walk._profile import DEFAULT_PROFILE, Profile

if TYPE_CHECKING:
    from memwalk.walk._adjacency import Adjacency
    from memwalk.walk._files import Manifest, SnapshotFolder
    from memwalk.walk._frames import (
        Frames,
        UnitDetail,
        Whole,
        describe_whole,
        read_details,
        to_frames,
        to_igraph,
        to_networkx,
        whole_graph,
    )
    from memwalk.walk._graph import Snapshot, WalkGraph
    from memwalk.walk._load import catch_up, load_walk_graph, read_contents
    from memwalk.walk._pagerank import personalized_pagerank, power_iteration
    from memwalk.walk._past import PRESENT, Moment
    from memwalk.walk._paths import path_strengths, strongest_path
    from memwalk.walk._readable import ReadableGraph
    from memwalk.walk._records import Changes, Entity, Fact, Reading
    from memwalk.walk._search import Content, Found, Result, Step, Walk, describe, explain_result, search, walk
    from memwalk.walk._seeds import Seeds, find_seeds, named_entities

# These need numpy or the driver, so they are imported when first asked for.
_LATER = {
    "PRESENT": "_past",
    "Adjacency": "_adjacency",
    "Changes": "_records",
    "Content": "_search",
    "Entity": "_records",
    "Fact": "_records",
    "Found": "_search",
    "Frames": "_frames",
    "Manifest": "_files",
    "Moment": "_past",
    "ReadableGraph": "_readable",
    "Reading": "_records",
    "Result": "_search",
    "Seeds": "_seeds",
    "Snapshot": "_graph",
    "SnapshotFolder": "_files",
    "Step": "_search",
    "UnitDetail": "_frames",
    "Walk": "_search",
    "WalkGraph": "_graph",
    "Whole": "_frames",
    "catch_up": "_load",
    "describe": "_search",
    "describe_whole": "_frames",
    "explain_result": "_search",
    "find_seeds": "_seeds",
    "load_walk_graph": "_load",
    "named_entities": "_seeds",
    "path_strengths": "_paths",
    "personalized_pagerank": "_pagerank",
    "power_iteration": "_pagerank",
    "read_contents": "_load",
    "read_details": "_frames",
    "search": "_search",
    "strongest_path": "_paths",
    "to_frames": "_frames",
    "to_igraph": "_frames",
    "to_networkx": "_frames",
    "walk": "_search",
    "whole_graph": "_frames",
}

__all__ = [
    "DEFAULT_PROFILE",
    "PRESENT",
    "Adjacency",
    "Changes",
    "Content",
    "Entity",
    "Fact",
    "Found",
    "Frames",
    "Manifest",
    "Moment",
    "Profile",
    "ReadableGraph",
    "Reading",
    "Result",
    "Seeds",
    "Snapshot",
    "SnapshotFolder",
    "Step",
    "UnitDetail",
    "Walk",
    "WalkGraph",
    "Whole",
    "catch_up",
    "describe",
    "describe_whole",
    "explain_result",
    "find_seeds",
    "load_walk_graph",
    "named_entities",
    "path_strengths",
    "personalized_pagerank",
    "power_iteration",
    "read_contents",
    "read_details",
    "search",
    "strongest_path",
    "to_frames",
    "to_igraph",
    "to_networkx",
    "walk",
    "whole_graph",
]


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
