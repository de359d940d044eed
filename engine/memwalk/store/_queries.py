# SPDX-License-Identifier: Apache-2.0
"""Named queries: each a file under `cypher/`, found from a checkout and from an installed wheel."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from memwalk.errors import InvalidArgument

__all__ = ["Query", "load_query", "query_names", "resource_directory"]

_PACKAGE = Path(__file__).resolve().parents[1]
_STRING_OR_COMMENT = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|//[^\n]*""")
_PARAMETER = re.compile(r"\$(\w+)")


@dataclass(frozen=True, slots=True)
class Query:
    """A named statement: what it answers, its text, and the parameters it takes."""

    name: str
    summary: str
    text: str
    parameters: frozenset[str]


def resource_directory(name: str) -> Path:
    """The folder `cypher` or `schema`: inside the installed package, else beside the source root."""
    installed = _PACKAGE / f"_{name}"
    return installed if installed.is_dir() else _PACKAGE.parents[1] / name


@cache
def load_query(name: str) -> Query:
    """Load `cypher/<name>.cypher`.

    Raises
    ------
    InvalidArgument
        There is no such query.
    """
    path = resource_directory("cypher") / f"{name}.cypher"
    if not re.fullmatch(r"\w+(/\w+)*", name) or not path.is_file():
        raise InvalidArgument("query", name, "a named query: `memwalk cypher --list` shows those for people")
    text = path.read_text(encoding="utf-8")
    comment, _, _ = text.partition("\n")
    bare = _STRING_OR_COMMENT.sub("", text)
    return Query(name, comment.removeprefix("//").strip(), text, frozenset(_PARAMETER.findall(bare)))


def query_names(area: str = "") -> list[str]:
    """Names of all queries, or of those in one area, sorted."""
    root = resource_directory("cypher")
    return sorted(p.relative_to(root).with_suffix("").as_posix() for p in (root / area).rglob("*.cypher"))
