# SPDX-License-Identifier: Apache-2.0
"""Units written, changed and taken back by hand: what a model has to make of them is made before the transaction."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from memwalk import policy
from memwalk.errors import InvalidArgument
from memwalk.units import (
    KINDS,
    as_change,
    as_draft,
    as_revert,
    change_units,
    get_units,
    get_version,
    restore_units,
    write_drafts,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from memwalk.ingest import Piece
    from memwalk.memory._session import Session
    from memwalk.store import Transaction
    from memwalk.units import Unit, UnitChange, UnitRef, UnitRevert

    Fill = Callable[[Transaction, str, dict[str, int]], None]

__all__ = ["add_units", "revert", "update"]


def add_units(session: Session, principal: str, units: Iterable[Mapping[str, Any]], *, space: str) -> list[UnitRef]:
    """Add units given as JSON objects, all or none."""
    drafts = _each(units, lambda values: as_draft(values, principal=principal, space=space))
    if not drafts:
        return []
    for home in sorted({draft.unit.space or "" for draft in drafts}):
        policy.require_role(session.store, principal, "writer", home)  # before any model is loaded
    vectors = _vectors(session, {draft.unit.id: _embedded(draft.unit.name, draft.unit.text) for draft in drafts})

    def fill(tx: Transaction, _activity: str, written: dict[str, int]) -> None:
        _set_vectors(tx, written, vectors)

    return session.store.write(lambda tx: write_drafts(tx, drafts, fill), operation="add", principal=principal)


def update(session: Session, principal: str, changes: Iterable[UnitChange | Mapping[str, Any]]) -> list[UnitRef]:
    """Change units by compare-and-swap, all or none."""
    wanted = _each(changes, as_change)
    if not wanted:
        return []
    policy.require_unit_role(session.store, principal, "writer", [change.id for change in wanted])
    heads = get_units(session.store, session.readable_classes(principal), [change.id for change in wanted])
    texts = {}
    for change in wanted:
        if change.id in heads:
            head = heads[change.id]
            said = [change.set.get(name, getattr(head, name)) for name in ("name", "text")]
            if said != [head.name, head.text] and all(isinstance(one, str) for one in said):
                texts[change.id] = (head, said[0], said[1])
    return _write(
        session,
        principal,
        texts,
        lambda fill: session.store.write(
            lambda tx: change_units(tx, wanted, fill), operation="update", principal=principal
        ),
    )


def revert(session: Session, principal: str, reverts: Iterable[UnitRevert | Mapping[str, Any]]) -> list[UnitRef]:
    """Make units say again what earlier versions said, all or none."""
    wanted = _each(reverts, as_revert)
    if not wanted:
        return []
    policy.require_unit_role(session.store, principal, "writer", [one.id for one in wanted])
    classes = session.readable_classes(principal)
    heads = get_units(session.store, classes, [one.id for one in wanted])
    earlier = [get_version(session.store, classes, one.id, one.to) for one in wanted]
    said = {unit.id: (unit.name, unit.text) for unit in heads.values()}
    return _write(
        session,
        principal,
        {unit.id: (unit, unit.name, unit.text) for unit in earlier if said.get(unit.id) != (unit.name, unit.text)},
        lambda fill: session.store.write(
            lambda tx: restore_units(tx, wanted, fill), operation="revert", principal=principal
        ),
    )


def _each(values: Iterable[Any], read: Callable[[Any], Any]) -> list[Any]:
    """Read each object of a batch; an error says which one it is about."""
    found = []
    for number, value in enumerate(values, start=1):
        try:
            found.append(read(value))
        except InvalidArgument as error:
            raise InvalidArgument(f"unit {number}: {error.argument}", error.value, error.expected) from None
    return found


def _write(
    session: Session,
    principal: str,
    texts: Mapping[str, tuple[Unit, str, str]],
    write: Callable[[Fill | None], list[UnitRef]],
) -> list[UnitRef]:
    """Embed the new texts of existing units and read passages again, then write."""
    passages = _pieces(session, principal, texts)
    others = {
        unit.id: _embedded(name, text)
        for unit, name, text in texts.values()
        if unit.kind != "Passage" and KINDS[unit.kind].vector
    }
    vectors = _vectors(session, others)

    def with_concepts(concepts: Fill | None) -> list[UnitRef]:
        def fill(tx: Transaction, activity: str, written: dict[str, int]) -> None:
            _set_vectors(tx, written, vectors)
            if concepts is not None:
                concepts(tx, activity, written)

        return write(fill)

    if not passages:
        return with_concepts(None)
    from memwalk.ingest import SpacyExtractor, rewrite_passages

    return rewrite_passages(
        session.store,
        passages,
        with_concepts,
        spaces=sorted({unit.space for unit, _, _ in texts.values() if unit.space}),
        extractor=SpacyExtractor(session.models.parser),
        embedder=session.check_embedder(claim=True),
    )


def _pieces(session: Session, principal: str, texts: Mapping[str, tuple[Unit, str, str]]) -> list[Piece]:
    """The passages among these units, as they shall be."""
    passages = [(unit, name, text) for unit, name, text in texts.values() if unit.kind == "Passage"]
    if not passages:
        return []
    from memwalk.ingest import Piece

    titled = _titled(session, principal, [unit.id for unit, _, _ in passages])
    return [
        Piece(
            unit.id,
            "",
            name,
            text,
            unit.properties["ordinal"] or 0,
            unit.properties["start"] or 0,
            unit.properties["end"] or 0,
            is_titled=unit.id in titled,
        )
        for unit, name, text in passages
    ]


def _titled(session: Session, principal: str, passages: Sequence[str]) -> set[str]:
    """The passages whose name is their document's own title, and not only that of its file."""
    parents = {row["id"]: row["document"] for row in session.store.read("units/list_documents", ids=list(passages))}
    classes = session.readable_classes(principal)
    documents = get_units(session.store, classes, sorted(set(parents.values())), retired=True)
    return {
        passage
        for passage, parent in parents.items()
        if parent in documents and documents[parent].name != _stem(documents[parent].properties["uri"])
    }


def _stem(uri: str | None) -> str:
    return PurePosixPath(unquote(urlsplit(uri or "").path)).stem


def _embedded(name: str, text: str) -> str:
    """What the embedder sees: the name too, unless it is the text's own beginning."""
    return text if " ".join(text.split()).startswith(name.removesuffix("…")) else f"{name}\n{text}"


def _vectors(session: Session, texts: Mapping[str, str]) -> dict[str, NDArray[np.float32]]:
    if not texts:
        return {}
    encoded = session.check_embedder(claim=True).encode(list(texts.values()))
    return dict(zip(texts, encoded, strict=True))


def _set_vectors(tx: Transaction, written: Mapping[str, int], vectors: Mapping[str, NDArray[np.float32]]) -> None:
    filled = sorted(written.keys() & vectors.keys())
    tx.run("units/set_vectors", rows=[{"id": unit, "vector": vectors[unit].tolist()} for unit in filled])
