# SPDX-License-Identifier: Apache-2.0
"""What a principal may read of entities and facts, as one GraphML file."""

from __future__ import annotations

import errno
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from memwalk import policy
from memwalk.errors import AlreadyExists, InvalidArgument, StorageFull
from memwalk.store import FOREVER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memwalk.memory._session import Session

__all__ = ["GraphReport", "export_graph"]

_FULL = {errno.ENOSPC, errno.EDQUOT}


@dataclass(frozen=True, slots=True)
class GraphReport:
    """What was written."""

    path: str
    entities: int
    facts: int
    bytes: int
    """Of the file."""


def export_graph(
    session: Session, principal: str, path: str | Path, *, spaces: Sequence[str] | None, replace: bool
) -> GraphReport:
    """Write entities as nodes and facts as edges; what is read is of one moment, the file is there whole or not at all.

    The same graph gives the same bytes: nodes and edges are sorted by what they say.
    """
    import networkx as nx

    target = Path(path).expanduser()
    if target.exists() and not replace:
        raise AlreadyExists("file", str(target))
    for space in spaces or ():
        policy.require_role(session.store, principal, "reader", space)
    wanted = {"classes": session.readable_classes(principal), "spaces": spaces, "forever": FOREVER}
    with session.store.paused() as reader:
        names = [row["name"] for row in reader.read("units/list_mentioned", **wanted)]
        facts = reader.read("units/list_stated", **wanted)
    keys = {name: f"n{number}" for number, name in enumerate(names)}
    graph = nx.MultiDiGraph()
    graph.add_nodes_from((key, {"name": name}) for name, key in keys.items())
    graph.add_edges_from(
        (keys[row["subject"]], keys[row["object"]], {"predicate": row["predicate"], "count": row["count"]})
        for row in facts
    )
    try:
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as scratch:
            draft = Path(scratch) / "draft"
            nx.write_graphml_xml(graph, draft, encoding="utf-8", prettyprint=True)
            draft.replace(target)
            return GraphReport(str(target), len(names), len(facts), target.stat().st_size)
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull(target, "nothing was left there") from error
        raise InvalidArgument("path", str(target), f"a file that can be written ({error.strerror})") from error
