# SPDX-License-Identifier: Apache-2.0
"""What must hold of a walk in any of the small random worlds."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.walk_worlds import CLASSES, NAMES, World, random_vector

from memwalk.walk import DEFAULT_PROFILE, ReadableGraph, WalkGraph, search

if TYPE_CHECKING:
    from memwalk.walk import Changes, Found, Profile

PROFILE = replace(DEFAULT_PROFILE, passages=3, facts=2, ranks=6)
PUSH = replace(PROFILE, sweep_share=float("inf"))
SHORT = replace(PUSH, push_entries=40, entries=60)
"""Ends early, and decides little."""
EXACT = replace(PROFILE, engine="prpack")


def asked(graph: ReadableGraph, random: Random, profile: Profile) -> list[list[Found]]:
    """A few searches."""
    return [
        search(graph, " ".join(random.sample(NAMES, 2)), random_vector(random), [random.choice(NAMES)], profile, 20)
        for _ in range(3)
    ]


def check_classes_change_nothing(seed: int) -> int:
    """Who may read all gets the same to the last bit, however it is parted into classes: how many searches."""
    random = Random(seed)
    world = World.make(random, random.randint(1, 6))
    parted, whole = (WalkGraph.build(world.told()), CLASSES), (WalkGraph.build(_in_one_class(world.told())), ["a"])
    query, searches = random.randrange(2**32), 0
    for profile in (PROFILE, PUSH, SHORT):
        mine, other = (asked(ReadableGraph(*one), Random(query), profile) for one in (parted, whole))
        assert mine == other
        searches += len(mine)
    return searches


def _in_one_class(told: Changes) -> Changes:
    return told._replace(readings=[reading._replace(policy="a") for reading in told.readings])


def check_the_unreadable_changes_nothing(seed: int) -> int:
    """For each set of classes a reader gets what a store that only ever held these would give: how many searches."""
    searches = 0
    random = Random(seed)
    world = World.make(random, random.randint(1, 6))
    graph = WalkGraph.build(world.told())
    for count in range(len(CLASSES)):
        classes = random.sample(CLASSES, count)
        alone = WalkGraph.build(world.told(classes))
        query = random.randrange(2**32)
        for profile in (PROFILE, PUSH, EXACT):
            mine, other = (asked(ReadableGraph(g, classes), Random(query), profile) for g in (graph, alone))
            assert [[one.unit_id for one in found] for found in mine] == [[one.unit_id for one in f] for f in other]
            searches += len(mine)
            for found, expected in zip(mine, other, strict=True):
                assert [one.score for one in found] == pytest.approx([one.score for one in expected], abs=1e-9)
                assert [one.path for one in found] == [one.path for one in expected]
                if profile.engine == "push":
                    assert [one.score for one in found] == [one.score for one in expected]
    return searches
