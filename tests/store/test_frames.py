# SPDX-License-Identifier: Apache-2.0
"""The graph that one may read, out of a real store and into networkx, igraph and pandas."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import networkx as nx
import pandas as pd
import pytest
from tests.exchange_world import OWNER, connect

import memwalk
from memwalk.config import CURRENT
from memwalk.walk import DEFAULT_PROFILE, ReadableGraph, walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from memwalk.config import Settings, StoreSettings
    from memwalk.memory import Memory
    from memwalk.memory._session import Models

DOCS = Path(__file__).parents[2] / "docs" / "graphs.md"
BRIDGE = "# Pont Neuf\n\nThe Pont Neuf was finished under King Henry IV of France. It crosses the Seine in Paris."
KING = "# Henry IV of France\n\nHenry IV of France was born in Pau. His mother was Jeanne d'Albret."
SECRET = "# Jeanne d'Albret\n\nJeanne d'Albret hid the Seine papers in Pau. Henry IV of France was born in Pau."
LONG = KING + "\n\n" + " ".join(f"Queen Margot wrote letter {number} to Paris from Usson." for number in range(40))


def fill(memory: Memory, folder: Path, *, all_of_it: bool) -> None:
    """Two documents in `work`; in `home` one that says some of the same, and a note."""
    (folder / "work").mkdir(parents=True, exist_ok=True)
    (folder / "home").mkdir(exist_ok=True)
    (folder / "work" / "bridge.md").write_text(BRIDGE)
    (folder / "work" / "king.md").write_text(LONG)
    (folder / "home" / "secret.md").write_text(SECRET)
    memory.create_space("work")
    memory.add(folder / "work", space="work")
    memory.add_units([{"text": "Lamps for the bridge.", "name": "lamps", "key": "lamps"}], space="work")
    if all_of_it:
        memory.create_space("home")
        memory.add(folder / "home", space="home")
        memory.create_principal("alice")
        memory.grant("alice", "reader", space="work")


def content(memory: Memory) -> tuple[Any, ...]:
    """All that somebody gets, but for the random ids of notes."""
    graph, network, frames = memory.to_networkx(), memory.to_igraph(), memory.to_frames()
    names = {unit: "note" if told["kind"] == "Note" else unit for unit, told in graph.nodes(data=True)}
    return (
        {names[unit]: told for unit, told in graph.nodes(data=True)},
        list(graph.edges(keys=True, data=True)),
        [tuple(edge.attributes().values()) for edge in network.es],
        frames.units.rename(index=names).to_dict("index"),
        frames.edges.astype(object).where(frames.edges.notna(), None).to_dict("records"),
        frames.evidence.to_dict("records"),
    )


def test_one_gets_what_a_store_of_the_readable_alone_gives(
    memory: Memory,
    store_settings: Callable[[str], StoreSettings],
    settings: Settings,
    models: Models,
    tmp_path: Path,
) -> None:
    """Nodes, edges, counts, texts and evidence; and those of the entities and facts are those of `export_graph`."""
    fill(memory, tmp_path, all_of_it=True)
    alice = memory.as_principal("alice")
    mine, all_of_it = content(alice), content(memory)
    alice.export_graph(tmp_path / "alice.graphml")
    exported, graph = nx.read_graphml(tmp_path / "alice.graphml"), alice.to_networkx()
    entities = {unit: told["name"] for unit, told in graph.nodes(data=True) if told["kind"] == "Entity"}
    assert sorted(entities.values()) == sorted(name for _, name in exported.nodes(data="name"))
    facts = [edge for edge in graph.edges(data=True) if edge[2]["type"] == "FACT"]
    assert sorted((entities[u], told["predicate"], entities[v], told["count"]) for u, v, told in facts) == sorted(
        (exported.nodes[u]["name"], told["predicate"], exported.nodes[v]["name"], told["count"])
        for u, v, told in exported.edges(data=True)
    )
    connect(store_settings, CURRENT).close()
    elsewhere = replace(settings, store=store_settings(CURRENT), directory=tmp_path / "elsewhere")
    with memwalk.open(elsewhere.store.uri, principal=OWNER, settings=elsewhere) as other:
        other._session.models = models
        fill(other, tmp_path, all_of_it=False)
        assert content(other) == mine
    assert "seine papers" in str(all_of_it)
    assert "seine papers" not in str(mine)
    assert len(all_of_it[1]) > len(mine[1]) > 30


def test_a_passage_leads_to_the_one_after_it(memory: Memory, tmp_path: Path) -> None:
    """NEXT goes as the document does, whatever the ids."""
    (tmp_path / "king.md").write_text(LONG)
    memory.add(tmp_path / "king.md")
    units, edges, _ = memory.to_frames()
    following = {(e.source, e.target) for e in edges.itertuples() if e.type == "NEXT"}
    parts = [passage.id for passage in memory.list(kind="Passage")]
    order = sorted(parts, key=lambda unit: LONG.index(units.loc[unit, "text"][:30]))
    assert following == set(pairwise(order))
    assert len(order) > 2


def test_pagerank_is_that_of_the_walk(memory: Memory, tmp_path: Path) -> None:
    """For two principals, networkx finds on their graphs what the exact engine finds in the store's."""
    fill(memory, tmp_path, all_of_it=True)
    seed = next(row.id for row in memory.list(kind="Entity") if row.name == "henry iv of france")
    exact = replace(DEFAULT_PROFILE, engine="prpack")
    found = []
    for view in (memory, memory.as_principal("alice")):
        ranks = nx.pagerank(view.to_networkx().to_undirected(), exact.damping, personalization={seed: 1}, tol=1e-13)
        with view._session.walk_graph() as graph:
            readable = ReadableGraph(graph, view._session.readable_classes(view.principal))
            mass = walk(readable, {graph.nodes.find(seed): 1.0}, exact).mass
            assert ranks == pytest.approx({u: mass.get(graph.nodes.find(u), 0.0) for u in ranks}, abs=1e-9)
        found.append(ranks)
    assert found[0].keys() > found[1].keys()


def test_the_example_in_the_documentation_runs(
    memory: Memory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`docs/graphs.md`, on a store that is there."""
    fill(memory, tmp_path, all_of_it=True)
    blocks = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    names: dict[str, Any] = {"memory": memory}
    for block in blocks:
        exec(compile(block, str(DOCS), "exec"), names)  # our own
    assert "henry iv of france" in capsys.readouterr().out
    assert isinstance(names["units"], pd.DataFrame)
