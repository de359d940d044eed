# SPDX-License-Identifier: Apache-2.0
"""How somebody's graph is read as entities, facts and passages: a small TOML file.

::

    name = "movies"                             # of this graph: part of every document's address

    [nodes.Person]                              # a label
    name = "name"                               # the property that names the entity
    key = "id"                                  # which node it is, from run to run; without it, the name
    kind = "person"                             # states "<name> is person"
    facts = { born = "was born in" }            # properties that are facts, with their predicates
    text = ["bio"]                              # properties that are passages

    [relationships.ACTED_IN]                    # a type; its facts go from node to node
    predicate = "acted in"                      # without it, the type in words

What is not named is left out. Of a node's labels the first in the file counts.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from memwalk.errors import SourceMalformed
from memwalk.ingest.sources import read_text_file
from memwalk.text import normalise_phrase

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["GraphMapping", "NodeMapping"]


@dataclass(frozen=True, slots=True)
class NodeMapping:
    """What the nodes of one label are."""

    name: str
    key: str
    kind: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    text: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GraphMapping:
    """What a graph is.

    Attributes
    ----------
    name : str
    nodes : dict
        By label, in the file's order.
    relationships : dict
        Predicates by type.
    """

    name: str
    nodes: dict[str, NodeMapping]
    relationships: dict[str, str]

    @classmethod
    def read(cls, path: Path) -> GraphMapping:
        """Read a mapping.

        Raises
        ------
        SourceError
            It is missing, is no TOML, or says what a mapping cannot.
        """
        text = read_text_file(path)
        try:
            told = tomllib.loads(text)
        except ValueError as error:
            raise SourceMalformed(path, str(error)) from None
        try:
            _only(told, "the file", {"name": str, "nodes": dict, "relationships": dict}, {"name", "nodes"})
            nodes = {label: _node(label, values) for label, values in told["nodes"].items()}
            relationships = told.get("relationships", {})
            return cls(told["name"], nodes, {kind: _predicate(kind, values) for kind, values in relationships.items()})
        except _WrongError as wrong:
            raise SourceMalformed(path, str(wrong)) from None


class _WrongError(Exception):
    """What a mapping cannot say."""


def _node(label: str, values: Any) -> NodeMapping:
    where = f"nodes.{label}"
    _only(values, where, {"name": str, "key": str, "kind": str, "facts": dict, "text": list}, {"name"})
    facts, text = values.get("facts", {}), values.get("text", [])
    if not all(isinstance(predicate, str) and normalise_phrase(predicate) for predicate in facts.values()):
        raise _WrongError(f"{where}.facts: a predicate is not a text with a letter or digit")
    if not all(isinstance(name, str) for name in text):
        raise _WrongError(f"{where}.text: not a list of property names")
    name = values["name"]
    return NodeMapping(name, values.get("key", name), values.get("kind", ""), tuple(facts.items()), tuple(text))


def _predicate(kind: str, values: Any) -> str:
    where = f"relationships.{kind}"
    _only(values, where, {"predicate": str}, set())
    predicate: str = values.get("predicate", kind.replace("_", " ").lower())
    if not normalise_phrase(predicate):
        raise _WrongError(f"{where}: a predicate needs a letter or digit")
    return predicate


def _only(values: Any, where: str, kinds: Mapping[str, type], needed: set[str]) -> None:
    if not isinstance(values, dict):
        raise _WrongError(f"{where}: not a table")
    for key, value in values.items():
        if key not in kinds:
            raise _WrongError(f"{where}: unknown {key!r}; it may say {', '.join(kinds)}")
        if not isinstance(value, kinds[key]) or not value:
            raise _WrongError(f"{where}: {key!r} is empty or no {kinds[key].__name__}")
    for key in sorted(needed - values.keys()):
        raise _WrongError(f"{where}: {key!r} is missing")
