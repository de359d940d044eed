# SPDX-License-Identifier: Apache-2.0
"""Principals, spaces, grants, policy classes: who may read and write what."""

from memwalk.policy._classes import derived_rights, ensure_classes
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
from memwalk.policy._keys import class_of, right_of
from memwalk.policy._rights import (
    ROLES,
    Rights,
    is_administrator,
    local_only_spaces,
    now,
    readable_classes,
    readable_mask,
    require_administrator,
    require_role,
    require_unit_role,
    rights_of,
)

__all__ = [
    "ROLES",
    "Grant",
    "Principal",
    "Rights",
    "Space",
    "class_of",
    "create_principal",
    "create_space",
    "derived_rights",
    "ensure_classes",
    "get_space",
    "grant",
    "is_administrator",
    "list_grants",
    "list_principals",
    "list_spaces",
    "local_only_spaces",
    "now",
    "readable_classes",
    "readable_mask",
    "require_administrator",
    "require_role",
    "require_unit_role",
    "revoke",
    "right_of",
    "rights_of",
    "set_owner",
]
