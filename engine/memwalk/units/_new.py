# SPDX-License-Identifier: Apache-2.0
"""What a unit shall say, checked before anything is written."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from memwalk.errors import InvalidArgument
from memwalk.units._identity import content_hash
from memwalk.units._kinds import KINDS, VERSION_PROPERTIES, Readable

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MAX_METADATA", "MAX_TAGS", "MAX_TAG_LENGTH", "NewUnit", "dump_metadata"]

MAX_METADATA = 16_384
"""Bytes of a unit's metadata as JSON."""
MAX_TAGS = 64
MAX_TAG_LENGTH = 64
_FAR = 2**62


@dataclass(frozen=True, slots=True)
class NewUnit:
    """A unit as it shall be: its identity, and all that its version says."""

    id: str
    kind: str
    name: str
    text: str
    space: str | None = None
    """None for kinds readable by evidence."""
    properties: Mapping[str, object] = field(default_factory=dict)
    """Those of the kind."""
    version: Mapping[str, object] = field(default_factory=dict)
    """Properties of the version alone: payload, fingerprint, tokens, …"""
    derived_from: tuple[tuple[str, int], ...] = ()
    """(unit id, seq) of each exact version this one is made from."""
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Free; JSON."""
    valid_from: int | None = None
    """World time (ms): from when it holds; None: always did."""
    valid_to: int | None = None
    """World time (ms): until when, not included; None: it still does."""
    keeps: bool = False
    """If the unit is there already, the tags, metadata and validity that people gave it stay."""

    def checked(self) -> NewUnit:
        """The same, with its tags and sources sorted and each once.

        Raises
        ------
        InvalidArgument
            A kind, property, type, tag, metadata, source or time range that has no meaning.
        """
        if self.kind not in KINDS:
            raise InvalidArgument("kind", self.kind, " or ".join(sorted(KINDS)))
        for name in ("id", "name", "text"):
            _check_text(name, getattr(self, name))
        if not self.id:
            raise InvalidArgument("id", self.id, "an id")
        shared = KINDS[self.kind].readable is Readable.ANY_EVIDENCE
        if (self.space is None) != shared:
            raise InvalidArgument("space", self.space, f"none for {self.kind}" if shared else "the unit's space")
        _check_properties(self.kind, self.properties)
        unknown = self.version.keys() - set(VERSION_PROPERTIES)
        if unknown:
            raise InvalidArgument("version", sorted(unknown), " or ".join(VERSION_PROPERTIES))
        _check_times(self.valid_from, self.valid_to)
        dump_metadata(self.metadata)
        return replace(self, tags=_checked_tags(self.tags), derived_from=_checked_sources(self.id, self.derived_from))

    def hash(self) -> str:
        """Sha256 over the content: all a version says but its tags, metadata and validity.

        For what is derived from all its sources the exact source versions count; a passage of a
        document that changed elsewhere stays the version it is.
        """
        derived = KINDS[self.kind].readable is Readable.ALL_SOURCES
        version = {**self.version, "from": sorted(set(self.derived_from)) if derived else ()}
        return content_hash(self.name, self.text, self.properties, version)

    def notes(self) -> dict[str, Any]:
        """What people add to the content, as it is stored; None for what is not given."""
        return {
            "tags": list(self.tags) or None,
            "metadata": dump_metadata(self.metadata) if self.metadata else None,
            "valid_from": self.valid_from,
            "valid_to": self.valid_to,
        }

    def content(self) -> dict[str, object]:
        """What both the unit and its version bear; None takes a property away."""
        return {
            **dict.fromkeys(KINDS[self.kind].properties),
            **self.properties,
            "name": self.name,
            "text": self.text,
            **self.notes(),
            "content_hash": self.hash(),
        }


def dump_metadata(metadata: Mapping[str, Any]) -> str:
    """Metadata as canonical JSON.

    Raises
    ------
    InvalidArgument
        It is no mapping from strings, holds what JSON does not have, or is too large.
    """
    if not isinstance(metadata, dict) or not all(isinstance(key, str) for key in metadata):
        raise InvalidArgument("metadata", metadata, "a JSON object")
    try:
        text = json.dumps(metadata, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgument("metadata", "what was given", f"a JSON object ({error})") from None
    size = len(text.encode())
    if size > MAX_METADATA:
        raise InvalidArgument("metadata", f"{size} bytes", f"at most {MAX_METADATA} bytes of JSON; more is a payload")
    return text


def _check_properties(label: str, properties: Mapping[str, object]) -> None:
    known = KINDS[label].properties
    unknown = properties.keys() - known.keys()
    if unknown:
        raise InvalidArgument("properties", sorted(unknown), f"those of {label}: {', '.join(known) or 'none'}")
    for name, value in properties.items():
        if not isinstance(value, known[name]) or isinstance(value, bool):
            raise InvalidArgument(name, value, f"of type {known[name].__name__}, for a {label}")
        if isinstance(value, str):
            _check_text(name, value)
        elif isinstance(value, int) and abs(value) >= _FAR:
            raise InvalidArgument(name, value, "a number of 62 bits")


def _check_times(valid_from: int | None, valid_to: int | None) -> None:
    for name, value in (("valid_from", valid_from), ("valid_to", valid_to)):
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or abs(value) >= _FAR):
            raise InvalidArgument(name, value, "a time in ms since the epoch")
    if valid_from is not None and valid_to is not None and valid_from >= valid_to:
        raise InvalidArgument("valid_to", valid_to, f"a time after valid_from, {valid_from}")


def _check_text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise InvalidArgument(name, value, "a string")
    if "\0" in value:
        raise InvalidArgument(name, "what was given", "text without NUL characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidArgument(name, "what was given", "text without halves of surrogate pairs") from None


def _checked_tags(tags: object) -> tuple[str, ...]:
    if not isinstance(tags, (list, tuple)):
        raise InvalidArgument("tags", tags, "a list of words")
    for tag in tags:
        _check_text("tags", tag)
        if not tag.strip() or len(tag) > MAX_TAG_LENGTH:
            raise InvalidArgument("tags", tag, f"words of 1 to {MAX_TAG_LENGTH} characters")
    found = tuple(sorted(set(tags)))
    if len(found) > MAX_TAGS:
        raise InvalidArgument("tags", len(found), f"at most {MAX_TAGS}")
    return found


def _checked_sources(unit: str, sources: object) -> tuple[tuple[str, int], ...]:
    """Exact versions of other units, sorted, each once."""
    for source in sources if isinstance(sources, (list, tuple)) else (sources,):
        match source:
            case (str(name), int(seq)) if name and seq > 0 and not isinstance(seq, bool) and name != unit:
                continue
        raise InvalidArgument("derived_from", source, "versions of other units, as (id, number)")
    return tuple(sorted({(name, seq) for name, seq in sources}))  # type: ignore[attr-defined]  # checked above
