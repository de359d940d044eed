# SPDX-License-Identifier: Apache-2.0
"""Identity: the same content in the same place gets the same id on any machine."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["content_hash", "derived_id", "new_id"]

_NAMESPACE = uuid.UUID("6d656d77-616c-5b00-8000-756e69747300")


def derived_id(space: str, source: str, kind: str, anchor: str) -> str:
    """The deterministic id of an ingested unit: uuid5 of space, source, kind and anchor.

    Entities and facts belong to no space and no source: both are empty for them, so that the same
    phrase in two spaces is one node, readable by its evidence.
    """
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join((space, source, kind, anchor))))


def new_id() -> str:
    """A fresh id that sorts by the time it was made (uuid7), for units that people write."""
    from uuid_utils import uuid7

    return str(uuid7())


def content_hash(name: str, text: str, properties: Mapping[str, object], version: Mapping[str, object]) -> str:
    """Sha256 over everything a version says."""
    canonical = json.dumps([name, text, dict(properties), dict(version)], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
