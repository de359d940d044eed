# SPDX-License-Identifier: Apache-2.0
"""Principals, spaces, grants, policy classes: who may read and write what."""

from memwalk.policy._grants import (
    Grant,
    Principal,
    Space,
    create_principal,
    create_space,
    get_space,
    grant,
    list_grants,
    list_principals,
    list_spaces,
    revoke,
    set_owner,
)
from memwalk.policy._rights import (
    ROLES,
    class_of,
    ensure_class,
    is_administrator,
    local_only_spaces,
    readable_classes,
    require_administrator,
    require_role,
    spaces_of,
)

__all__ = [
    "ROLES",
    "Grant",
    "Principal",
    "Space",
    "class_of",
    "create_principal",
    "create_space",
    "ensure_class",
    "get_space",
    "grant",
    "is_administrator",
    "list_grants",
    "list_principals",
    "list_spaces",
    "local_only_spaces",
    "readable_classes",
    "require_administrator",
    "require_role",
    "revoke",
    "set_owner",
    "spaces_of",
]
