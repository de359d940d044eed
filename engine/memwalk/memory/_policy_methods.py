# SPDX-License-Identifier: Apache-2.0
"""`Memory`: spaces, principals, grants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memwalk import policy
from memwalk.errors import InvalidArgument, NotFound
from memwalk.memory._logged import logged
from memwalk.memory._view import View
from memwalk.policy import OnUnit
from memwalk.store import FOREVER
from memwalk.units import DERIVED, find_unit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from memwalk.policy import Decision, Grant, Principal, Space

__all__ = ["PolicyMethods"]


class PolicyMethods(View):
    """Who may do what.

    Where a method takes `space` or `unit`, give one of them; a unit by its id, the beginning of one, or
    its name.
    """

    @logged("spaces")
    def spaces(self) -> list[Space]:
        """The spaces the principal may read."""
        return policy.list_spaces(self._session.store, self._classes())

    def create_space(self, space: str, *, local_only: bool = False) -> Space:
        """Create a space (administrators)."""
        return policy.create_space(self._session.store, self.principal, space, local_only=local_only)

    @logged("principals")
    def principals(self) -> list[Principal]:
        """All principals (administrators)."""
        return policy.list_principals(self._session.store, self.principal)

    def create_principal(self, principal: str, *, kind: str = "user", groups: Iterable[str] = ()) -> Principal:
        """Create a user, group or agent (administrators)."""
        return policy.create_principal(self._session.store, self.principal, principal, kind=kind, groups=groups)

    def add_member(self, member: str, group: str) -> bool:
        """Put a principal, which may be a group, into a group (administrators); False if it was there already.

        Raises
        ------
        CyclicGroup, NotFound, UnknownPrincipal, NotPermitted
        """
        return policy.add_member(self._session.store, self.principal, member, group)

    def remove_member(self, member: str, group: str) -> None:
        """Take a principal out of a group (administrators).

        Raises
        ------
        NotFound, NotPermitted
        """
        policy.remove_member(self._session.store, self.principal, member, group)

    def grant(
        self,
        principal: str,
        role: str,
        *,
        space: str | None = None,
        unit: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> None:
        """Give a principal a role (reader, writer, admin) on a space or a unit (its administrators).

        From its beginning on it takes the place of what was granted in the same role before. Times in ms.

        Raises
        ------
        NotFound, NotPermitted, UnknownPrincipal, InvalidArgument
        """
        target, end = self._target(space, unit), FOREVER if until is None else until
        policy.grant(self._session.store, self.principal, principal, role, target, since=since, until=end)

    def deny(
        self,
        principal: str,
        role: str,
        *,
        space: str | None = None,
        unit: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> None:
        """Deny a principal a role, and those that include it, whatever is granted (the target's administrators).

        Raises
        ------
        NotFound, NotPermitted, UnknownPrincipal, InvalidArgument
        """
        target, end = self._target(space, unit), FOREVER if until is None else until
        policy.deny(self._session.store, self.principal, principal, role, target, since=since, until=end)

    def revoke(self, principal: str, *, space: str | None = None, unit: str | None = None) -> int:
        """End a principal's own grants on a space or a unit (its administrators); returns how many."""
        return policy.revoke(self._session.store, self.principal, principal, self._target(space, unit))

    def undeny(self, principal: str, *, space: str | None = None, unit: str | None = None) -> int:
        """End a principal's own denials on a space or a unit (its administrators); returns how many."""
        return policy.undeny(self._session.store, self.principal, principal, self._target(space, unit))

    @logged("grants", "space", "unit")
    def grants(self, space: str | None = None, *, unit: str | None = None) -> list[Grant]:
        """The grants and denials that run or are to come: on a space and its units, on a unit, or all.

        Only to their administrators.
        """
        target = None if space is None and unit is None else self._target(space, unit)
        return policy.list_grants(self._session.store, self.principal, target)

    def publish(self, unit: str) -> tuple[str, ...]:
        """Make a derived unit need its own right alone (administrators of all it is derived from).

        Returns
        -------
        tuple of str
            The rights of its sources that it no longer needs.

        Raises
        ------
        NotFound, NotPermitted, InvalidArgument
        """
        return policy.publish(self._session.store, self.principal, self._on_unit(unit))

    def unpublish(self, unit: str) -> None:
        """Make a published unit need the rights of its sources again (its administrators).

        Raises
        ------
        NotFound, NotPermitted, InvalidArgument
        """
        policy.unpublish(self._session.store, self.principal, self._on_unit(unit))

    @logged("can", "unit")
    def can(self, principal: str, action: str, unit: str) -> Decision:
        """Whether somebody may read, write or administer a unit, and which memberships and grants decide it.

        For oneself, or (administrators of all that is involved) for anybody; `str` of it is the answer in words.

        Raises
        ------
        NotFound, NotPermitted, UnknownPrincipal, InvalidArgument
        """
        return policy.can(self._session.store, self.principal, principal, action, self._on_unit(unit).unit)

    def _target(self, space: str | None, unit: str | None) -> str | OnUnit:
        if (space is None) == (unit is None):
            raise InvalidArgument("target", (space, unit), "a space or a unit, one of them")
        return str(space) if unit is None else self._on_unit(unit)

    def _on_unit(self, reference: str) -> OnUnit:
        try:
            found = find_unit(self._session.store, self._classes(), reference).id
        except NotFound:  # retired, or an administrator's who may not read it: by its whole id
            found = reference
        return OnUnit(found, DERIVED)
