# SPDX-License-Identifier: Apache-2.0
"""What people and programs write down themselves, as JSON objects have it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from memwalk.errors import InvalidArgument
from memwalk.units._edit import UnitChange, UnitRevert
from memwalk.units._identity import derived_id, new_id
from memwalk.units._kinds import KINDS
from memwalk.units._new import NewUnit
from memwalk.units._read import UnitRef

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["EDITABLE", "Draft", "as_change", "as_draft", "as_revert", "source_of"]

_FROM = {
    "Document": "`add` with a file",
    "Passage": "`add` with a file",
    "Entity": "what passages mention",
    "Fact": "what passages state",
    "Conversation": "`chat`",
    "Message": "`chat`",
    "KVBlock": "`build kv`",
    "Adapter": "`build adapter`",
}
"""Where units come from that nobody writes by hand."""
_FIELDS = (
    "kind",
    "space",
    "key",
    "name",
    "text",
    "tags",
    "metadata",
    "valid_from",
    "valid_to",
    "derived_from",
)
_NOTES = frozenset({"tags", "metadata", "valid_from", "valid_to"})
EDITABLE: dict[str, frozenset[str]] = dict.fromkeys(KINDS, _NOTES) | {
    "Conversation": _NOTES | {"name"},
    "Note": _NOTES | {"name", "text", "derived_from"},
    "Passage": _NOTES | {"text"},
    "Summary": _NOTES | {"name", "text", "derived_from"},
}
"""What may be changed by hand, by kind; the rest of what a unit says comes from where the unit comes from."""
_HEADLINE = 60


@dataclass(frozen=True, slots=True)
class Draft:
    """A unit to be added; its sources may still be heads to be looked up (number None)."""

    unit: NewUnit
    sources: tuple[tuple[str, int | None], ...] = ()


def as_draft(values: Mapping[str, Any], *, principal: str, space: str) -> Draft:
    """A unit to be added, from a JSON object.

    Parameters
    ----------
    values : mapping
        ``text``, and what else there is to say: ``kind`` (Note if not given, or Summary), ``space``,
        ``key`` (the principal's own name for it: adding again under it changes that unit, or nothing),
        ``name`` (the text's beginning if not given), ``tags``, ``metadata``, ``valid_from``, ``valid_to``
        (ms), ``derived_from`` (ids, for what units say now, or ``id@number`` for exact versions).
    principal : str
        Who adds it.
    space : str
        Where it goes if it does not say.

    Raises
    ------
    InvalidArgument
    """
    if not isinstance(values, dict):
        raise InvalidArgument("unit", values, "a JSON object")
    _refuse_unknown(values, _FIELDS)
    kind = values.get("kind", "Note")
    if not isinstance(kind, str) or kind not in KINDS:
        raise InvalidArgument("kind", kind, " or ".join(sorted(name for name in KINDS if KINDS[name].by_hand)))
    if not KINDS[kind].by_hand:
        raise InvalidArgument("kind", kind, f"one that is written by hand; a {kind} comes from {_FROM[kind]}")
    text = values.get("text")
    if not isinstance(text, str) or not text.strip():
        raise InvalidArgument("text", text, "what the unit says")
    home = values.get("space", space)
    if not isinstance(home, str) or not home:
        raise InvalidArgument("space", home, "the name of a space")
    sources = _sources(values.get("derived_from", ()))
    if kind == "Summary" and not sources:
        raise InvalidArgument("derived_from", [], "the units that it is a summary of")
    key = values.get("key")
    if key is not None and (not isinstance(key, str) or not key.strip()):
        raise InvalidArgument("key", key, "a name of your own for the unit")
    unit = NewUnit(
        id=new_id() if key is None else derived_id(home, principal, kind, key),
        kind=kind,
        name=values.get("name", _headline(text)),
        text=text,
        space=home,
        tags=values.get("tags", ()),
        metadata=values.get("metadata", {}),
        valid_from=values.get("valid_from"),
        valid_to=values.get("valid_to"),
    )
    return Draft(unit.checked(), sources)


def as_change(values: UnitChange | Mapping[str, Any]) -> UnitChange:
    """A change of a unit, from a JSON object: ``id``, ``version`` (its head, as it was read), and the new values.

    Raises
    ------
    InvalidArgument
    """
    if isinstance(values, UnitChange):
        _sources(values.set.get("derived_from", ()))
        return values
    unit, seq = _addressed(values)
    given = {name: value for name, value in values.items() if name not in {"id", "version"}}
    _refuse_unknown(given, [name for name in _FIELDS if name not in {"kind", "space", "key"}])
    _sources(given.get("derived_from", ()))
    if not given:
        raise InvalidArgument("change", dict(values), "something to change")
    return UnitChange(unit, seq, given)


def as_revert(values: UnitRevert | Mapping[str, Any]) -> UnitRevert:
    """A revert, from a JSON object: ``id``, ``version`` (its head, as it was read), ``to`` (the version it returns to).

    Raises
    ------
    InvalidArgument
    """
    if isinstance(values, UnitRevert):
        return values
    unit, seq = _addressed(values)
    _refuse_unknown(values, ("id", "version", "to"))
    return UnitRevert(unit, seq, _number("to", values.get("to")))


def source_of(reference: object) -> tuple[str, int | None]:
    """The unit and version that ``id`` or ``id@number`` names; no number stands for the head.

    >>> source_of("0190-ab@3"), source_of("0190-ab")
    (('0190-ab', 3), ('0190-ab', None))
    """
    if isinstance(reference, UnitRef):
        return reference.id, reference.seq
    match reference:
        case (str(name), int(seq)):
            return name, seq
    if isinstance(reference, str) and reference:
        unit, at, number = reference.rpartition("@")
        if not at:
            return reference, None
        if unit and number.isascii() and number.isdigit() and len(number) < 10 and int(number):
            return unit, int(number)
    raise InvalidArgument("derived_from", reference, "the id of a unit, or id@number for one of its versions")


def draft_with(draft: Draft, sources: Sequence[tuple[str, int]]) -> NewUnit:
    """The unit, derived from these exact versions."""
    return replace(draft.unit, derived_from=tuple(sources)).checked()


def _addressed(values: Mapping[str, Any]) -> tuple[str, int]:
    if not isinstance(values, dict):
        raise InvalidArgument("change", values, "a JSON object")
    unit = values.get("id")
    if not isinstance(unit, str) or not unit:
        raise InvalidArgument("id", unit, "the id of a unit")
    return unit, _number("version", values.get("version"))


def _number(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**31:
        raise InvalidArgument(name, value, "the number of a version")
    return value


def _sources(references: object) -> tuple[tuple[str, int | None], ...]:
    if not isinstance(references, (list, tuple)):
        raise InvalidArgument("derived_from", references, "a list of units")
    return tuple(dict.fromkeys(source_of(reference) for reference in references))


def _refuse_unknown(values: Mapping[str, Any], known: Sequence[str]) -> None:
    unknown = sorted(str(name) for name in values if name not in known)
    if unknown:
        raise InvalidArgument("fields", unknown, " or ".join(known))


def _headline(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _HEADLINE else line[: _HEADLINE - 1] + "…"
