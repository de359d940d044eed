# SPDX-License-Identifier: Apache-2.0
"""Spaces: containers of units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from memwalk.errors import AlreadyExists, NotFound
from memwalk.policy._keys import right_of
from memwalk.policy._names import check_name
from memwalk.policy._rights import lock_policy, require_administrator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memwalk.store import Reader, Store, Transaction

__all__ = [
    "Space",
    "create_space",
    "get_space",
    "is_local_only",
    "list_spaces",
    "local_only_units",
    "write_space",
]


@dataclass(frozen=True, slots=True)
class Space:
    """A container of units; nothing of a local-only one is sent to a remote model."""

    id: str
    local_only: bool = False
    documents: int = 0


def create_space(store: Store, actor: str, space: str, *, local_only: bool = False) -> Space:
    """Create a space.

    Raises
    ------
    NotPermitted
        `actor` does not administer the store.
    AlreadyExists, InvalidArgument
    """
    check_name("space", space)

    def work(tx: Transaction) -> Space:
        lock_policy(tx)
        require_administrator(tx, actor, "create spaces in")
        if tx.run("policy/get_space", id=space):
            raise AlreadyExists("space", space)
        write_space(tx, space, local_only=local_only)
        tx.tell(space=space, local_only=local_only)
        return Space(space, local_only)

    return store.write(work, operation="create space", principal=actor)


def write_space(tx: Transaction, space: str, *, local_only: bool = False) -> None:
    """Write a space that is not there, with its right and its policy class. Who may is decided by the caller."""
    row = {"id": space, "local_only": local_only, "right": right_of(space)}
    tx.run("policy/create_spaces", rows=[row], at=tx.at)
    tx.touch(space)


def list_spaces(reader: Reader, classes: Sequence[str]) -> list[Space]:
    """The spaces that these readable classes show, with their numbers of documents."""
    rows = reader.read("policy/list_spaces", classes=list(classes))
    return [Space(r["id"], r["local_only"], r["documents"]) for r in rows]


def get_space(reader: Reader, classes: Sequence[str], space: str) -> Space:
    """One readable space.

    Raises
    ------
    NotFound
    """
    for found in list_spaces(reader, classes):
        if found.id == space:
            return found
    raise NotFound("space", space)


def is_local_only(reader: Reader, space: str) -> bool:
    """Whether nothing of a space is sent to an endpoint; for those who may write in it."""
    return any(row["local_only"] for row in reader.read("policy/get_space", id=space))


def local_only_units(reader: Reader, ids: Sequence[str]) -> set[str]:
    """Those of these units that never leave for a remote model: of a local-only space, or made of such a unit.

    By sources, not by rights: a published unit no longer needs the rights of what it was made of.
    """
    return {row["id"] for row in reader.read("policy/list_local_only_units", ids=list(ids))}
