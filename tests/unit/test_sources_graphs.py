# SPDX-License-Identifier: Apache-2.0
"""GraphML and CSV edge lists: nodes, what they state, and where they stand."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memwalk.errors import SourceEmpty, SourceError, SourceMalformed
from memwalk.ingest._rows import cut_source, document_unit
from memwalk.ingest.sources import Source, read_sources, read_stream

DATA = Path(__file__).parents[1] / "data" / "formats"


def read(name: str, data: str) -> list[Source | SourceError]:
    return [*read_stream(data.encode(), name)]


def one(name: str, data: str) -> Source:
    (found,) = read(name, data)
    assert isinstance(found, Source), found
    return found


def told(name: str, data: str) -> list[str]:
    return [found.detail for found in read(name, data) if isinstance(found, SourceError)]


def stated(source: Source) -> set[tuple[str, str, str, int]]:
    return {(s.subject, s.predicate, s.object, s.times) for section in source.sections for s in section.statements}


# --- CSV -----------------------------------------------------------------------------------------


def test_real_edge_list() -> None:
    """Each node's rows are its text; the predicate, the count and the other column are where they belong."""
    (source,) = read_sources(DATA / "edges.csv")
    assert isinstance(source, Source)
    assert source.sections[0].name == "Henry Maudslay"
    first = source.text[source.sections[0].start : source.sections[0].end]
    assert first == (
        "Henry Maudslay -[worked for]-> Joseph Bramah (year: 1789)\nHenry Maudslay -[made]-> slide rest, the \u00d72"
    )
    assert ("Joseph Bramah", "made", "hydraulic press", 3) in stated(source)
    assert len(stated(source)) == 10
    start, end = source.locate(source.sections[0].start, source.sections[0].end)
    rows = source.original[start:end].splitlines()
    assert (rows[0], rows[-1]) == (
        "Henry Maudslay,worked for,Joseph Bramah,1,1789",
        'Henry Maudslay,made,"slide rest, the",2,',
    )


@pytest.mark.parametrize(
    ("table", "triple"),
    [
        ("source,target\nA,B\n", ("A", "is linked to", "B", 1)),
        ("Subject\tPredicate\tObject\nA\tknows\tB\n", ("A", "knows", "B", 1)),
        ("head;relation;tail\nA;knows;B", ("A", "knows", "B", 1)),
        (":START_ID,:END_ID,:TYPE\nA,B,KNOWS\n", ("A", "KNOWS", "B", 1)),
        ("Source,Target,Type,Label\nA,B,Directed,knows\n", ("A", "knows", "B", 1)),
        ("Source,Target,Type\nA,B,Directed\n", ("A", "is linked to", "B", 1)),
        ("source,target\r\nA,B\r\n\r\nA,B\r\n", ("A", "is linked to", "B", 2)),
        ('source,target\n"A\nx",B\n', ("A x", "is linked to", "B", 1)),
        ("source,predicate,target\nA,->,B\n", ("A", "is linked to", "B", 1)),
    ],
)
def test_known_tables(table: str, triple: tuple[str, str, str, int]) -> None:
    """Headers that other programs write; other delimiters; cells over several lines; rows that occur again."""
    assert stated(one("e.csv", table)) == {triple}


def test_bad_rows_of_a_table_are_told_of() -> None:
    """Missing ends, missing cells, counts that are none: the rest is kept."""
    table = "source,target,count\nA,B,1\n,B,1\nA,--,1\nA\nA,B,0\nA,B,x\nA,B,99999999999\nC,B,\n"
    assert told("e.csv", table) == [
        "row 3: no letter or digit in 'source'",
        "row 4: no letter or digit in 'target'",
        "row 5: 1 cells instead of 3",
        "row 6: 'count' is no whole number above 0",
        "row 7: 'count' is no whole number above 0",
        "row 8: 'count' is no whole number above 0",
    ]
    assert stated(next(s for s in read("e.csv", table) if isinstance(s, Source))) == {
        ("A", "is linked to", "B", 1),
        ("C", "is linked to", "B", 1),
    }


def test_tables_that_are_no_edge_lists_are_told_of() -> None:
    """What the header shall be is said; a quote that never ends is no CSV; a header alone is nothing."""
    assert told("t.csv", "id,name\n1,x\n") == [
        "no edge list: expected a header such as source,predicate,target; its first row is: id, name"
    ]
    assert [type(found) for found in read("t.csv", 'source,target\n"A,B\n')] == [SourceMalformed]
    assert [type(found) for found in read("t.csv", "source,target\n")] == [SourceEmpty]


# A lone carriage return is not among them: Python's own writer leaves it without quotes.
NAMES = st.lists(st.sampled_from([*'ab\u00e9,";\n\u2028 \t|', "\r\n"]), max_size=6).map(
    lambda text: "n" + "".join(text)
)


@given(st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=8), st.sampled_from(["\n", "\r\n"]))
def test_rows_of_a_table_stand_where_they_say(edges: list[tuple[str, str]], line_end: str) -> None:
    """The place of a node begins with its first row and ends with its last, however cells are quoted."""
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator=line_end)
    writer.writerow(["source", "target"])
    writer.writerows(edges)
    source = one("e.csv", written.getvalue())
    for section in source.sections:
        place = source.original[section.source_start : section.source_end]
        rows = [*csv.reader(io.StringIO(place, newline=""))]
        assert " ".join(rows[0][0].split()) == section.name == " ".join(rows[-1][0].split())
        mine = [(a, b) for a, b in edges if " ".join(a.split()) == section.name]
        assert (tuple(rows[0]), tuple(rows[-1])) == (mine[0], mine[-1])
        assert sum(s.times for s in section.statements) == len(mine)


# --- GraphML -------------------------------------------------------------------------------------


def test_real_graph() -> None:
    """A node's attributes and edges are its text, its element is its place."""
    (source,) = read_sources(DATA / "workshops.graphml")
    assert isinstance(source, Source)
    names = [section.name for section in source.sections]
    assert names[0] == "Henry Maudslay"
    assert "Woolwich Arsenal" in names
    assert source.text.startswith(
        "type: person\nborn: 1771\nHenry Maudslay -[worked for]-> Joseph Bramah (since: 1789)"
    )
    assert len(stated(source)) == 8
    for section in source.sections:
        element = source.original[section.source_start : section.source_end]
        assert element.startswith('<node id="')
        assert element.endswith("</node>")
        assert section.name in element


def graph_of(edges: list[tuple[str, str, str]], names: list[str]) -> nx.MultiDiGraph:
    graph = nx.MultiDiGraph()
    for number, name in enumerate(names):
        graph.add_node(f"n{number}", name=name)
    for start, predicate, end in edges:
        graph.add_edge(f"n{names.index(start)}", f"n{names.index(end)}", label=predicate)
    return graph


WORDS = st.sampled_from(["a", "b c", "\u00e9<&>\"'", "d]]>", "<node id='n0'>", "<!-- x -->", "\u4eba"])


@given(st.lists(WORDS, min_size=1, max_size=5, unique=True).flatmap(
    lambda names: st.tuples(
        st.just(names), st.lists(st.tuples(st.sampled_from(names), WORDS, st.sampled_from(names)), max_size=6)
    )
))  # fmt: skip
def test_graphs_of_networkx_are_read_as_they_are(drawn: tuple[list[str], list[tuple[str, str, str]]]) -> None:
    """Every edge is stated as often as it is there; every node that no edge reaches has a text of its own."""
    names, edges = drawn
    written = "\n".join(nx.generate_graphml(graph_of(edges, names)))
    source = one("g.graphml", written)
    assert stated(source) == {(*edge, edges.count(edge)) for edge in edges}
    reached = {end for _, _, end in edges} - {start for start, _, _ in edges}
    assert [section.name for section in source.sections] == [name for name in names if name not in reached]
    for section in source.sections:
        element = source.original[section.source_start : section.source_end]
        assert element.startswith(f'<node id="n{names.index(section.name)}"')


def test_faults_of_graphs_are_told_of() -> None:
    """No XML, other XML, nodes that cannot be named, values of another type than declared."""
    head, graph = '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">', '<graph edgedefault="directed"'
    key = '<key id="k" for="node" attr.name="age" attr.type="int"/>'
    assert "mismatched tag" in told("g.graphml", f"{head}<graph></graphml>")[0]
    assert "no GraphML" in told("g.graphml", "<svg/>")[0]
    assert [type(found) for found in read("g.graphml", f"{head}{graph}/></graphml>")] == [SourceEmpty]
    bad = f'{head}{key}{graph}><node id="a"><data key="k">old</data></node></graph></graphml>'
    assert "no GraphML" in told("g.graphml", bad)[0]
    dashes = f'{head}{graph}><node id="--"/><node id="b"/><edge source="b" target="--"/></graph></graphml>'
    assert told("g.graphml", dashes) == ["node '--': no letter or digit in its name"]
    values = ("2.0", "0", "1.5", "NaN", "1e12")
    counts = "".join(f'<edge source="a" target="b"><data key="c">{value}</data></edge>' for value in values)
    counted = f'{head}<key id="c" for="edge" attr.name="count" attr.type="double"/>{graph}>{counts}</graph></graphml>'
    assert told("g.graphml", counted) == ["edge from 'a' to 'b': 'count' is no whole number above 0"] * 4
    assert stated(next(s for s in read("g.graphml", counted) if isinstance(s, Source))) == {
        ("a", "is linked to", "b", 2)
    }


def test_an_entity_bomb_is_refused() -> None:
    """Entities that grow without end are stopped by the parser."""
    lines = ['<!ENTITY e0 "aaaaaaaaaa">'] + [f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12)]
    bomb = (
        f'<!DOCTYPE graphml [{"".join(lines)}]><graphml xmlns="http://graphml.graphdrawing.org/xmlns">&e11;</graphml>'
    )
    assert [type(found) for found in read("g.graphml", bomb)] == [SourceMalformed]


# --- passages ------------------------------------------------------------------------------------


def words(text: str) -> list[tuple[int, int]]:
    """A token is a word."""
    at, spans = 0, []
    for word in text.split():
        at = text.index(word, at)
        spans.append((at, at + len(word)))
        at += len(word)
    return spans


def test_a_hub_is_cut_between_lines_and_loses_no_statement() -> None:
    """Passages of a node with many edges: whole lines, each statement in one; the first is about the node."""
    table = "source,predicate,target\n" + "".join(f"Hub,links to,spoke number {n}\n" for n in range(300))
    source = one("e.csv", table)
    passages = list(cut_source(source, document_unit(source, "space", "x"), words))
    assert len(passages) > 5
    assert [piece.is_opening for piece in passages].count(True) == 1
    assert all(line.startswith("Hub -[links to]-> spoke number ") for p in passages for line in p.text.split("\n"))
    said = [triple for piece in passages if piece.stated for triple in piece.stated.triples]
    assert said == [("hub", "links to", f"spoke number {n}") for n in range(300)]
    for piece in passages:
        assert piece.stated is not None
        assert [object_ for _, _, object_ in piece.stated.triples] == [
            line.removeprefix("Hub -[links to]-> ") for line in piece.text.split("\n")
        ]


def test_a_changed_row_changes_the_passages_of_its_node_alone() -> None:
    """Passages are known by their text: what other nodes say stays."""
    table = "source,target\nA,B\nC,D\nE,F\n"

    def ids(text: str) -> dict[str, str]:
        source = one("e.csv", text)
        return {p.text: p.id for p in cut_source(source, document_unit(source, "space", "x"), words)}

    before, after = ids(table), ids(table.replace("C,D", "C,X"))
    assert {text for text in before if before[text] == after.get(text)} == {
        "A -[is linked to]-> B",
        "E -[is linked to]-> F",
    }
