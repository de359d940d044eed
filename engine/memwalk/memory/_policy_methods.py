# SPDX-License-Identifier: Apache-2.0
"""`Memory`: spaces, principals, grants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memwalk import policy
from memwalk.memory._view import View

if TYPE_CHECKING:
    from collections.abc import Iterable

    from memwalk.policy import Grant, Principal, Space

__all__ = ["PolicyMethods"]


class PolicyMethods(View):
    """Who may do what."""

    def spaces(self) -> list[Space]:
        """The spaces the principal may read."""
        return policy.list_spaces(self._session.store, self._classes())

    def create_space(self, space: str, *, local_only: bool = False) -> Space:
        """Create a space (administrators)."""
        return policy.create_space(self._session.store, self.principal, space, local_only=local_only)

    def principals(self) -> list[Principal]:
        """All principals (administrators)."""
        return policy.list_principals(self._session.store, self.principal)

    def create_principal(self, principal: str, *, kind: str = "user", groups: Iterable[str] = ()) -> Principal:
        """Create a user, group or agent (administrators)."""
        return policy.create_principal(self._session.store, self.principal, principal, kind=kind, groups=tuple(groups))

    def grant(self, principal: str, role: str, *, space: str, until: int | None = None) -> None:
        """Give a principal a role (reader, writer, admin) on a space (its administrators)."""
        window = {} if until is None else {"until": until}
        policy.grant(self._session.store, self.principal, principal, role, space, **window)

    def revoke(self, principal: str, *, space: str) -> int:
        """End a principal's own grants on a space (its administrators)."""
        return policy.revoke(self._session.store, self.principal, principal, space)

    def grants(self, space: str | None = None) -> list[Grant]:
        """The running grants on a space, or on all (their administrators)."""
        return policy.list_grants(self._session.store, self.principal, space)
