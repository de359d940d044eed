# SPDX-License-Identifier: Apache-2.0
"""What all parts of `Memory` stand on: an opened store, and the principal who asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from memwalk.memory._session import Session

__all__ = ["View"]


class View:
    """A store on behalf of one principal."""

    def __init__(self, session: Session, principal: str) -> None:
        self._session = session
        self.principal = principal

    def as_principal(self, principal: str) -> Self:
        """The same store on behalf of somebody else.

        Raises
        ------
        UnknownPrincipal
        """
        self._session.readable_classes(principal)
        return type(self)(self._session, principal)

    def close(self) -> None:
        """Close the store; the local server stops when nobody has used it for a while."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _classes(self) -> list[str]:
        return self._session.readable_classes(self.principal)
