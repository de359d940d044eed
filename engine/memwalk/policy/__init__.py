# SPDX-License-Identifier: Apache-2.0
"""Principals, spaces, grants, policy classes: who may read and write what."""

from memwalk.policy._classes import derived_rights, ensure_classes
from memwalk.policy._decision import ACTIONS, Deciding, Decision, Need, Way, can
from memwalk.policy._grants import Grant, OnUnit, deny, grant, list_grants, revoke, undeny, write_grants
from memwalk.policy._keys import class_of, covers, right_of
from memwalk.policy._principals import (
    Principal,
    add_member,
    create_principal,
    list_principals,
    remove_member,
    set_owner,
)
from memwalk.policy._publish import publish, publish_units, source_rights, unpublish
from memwalk.policy._reclassify import give_own_rights, reclassify
from memwalk.policy._rights import (
    ROLES,
    Rights,
    is_administrator,
    lock_policy,
    now,
    readable_classes,
    readable_mask,
    require_administrator,
    require_role,
    require_unit_role,
    rights_of,
)
from memwalk.policy._spaces import Space, create_space, get_space, is_local_only, list_spaces, local_only_units

__all__ = [
    "ACTIONS",
    "ROLES",
    "Deciding",
    "Decision",
    "Grant",
    "Need",
    "OnUnit",
    "Principal",
    "Rights",
    "Space",
    "Way",
    "add_member",
    "can",
    "class_of",
    "covers",
    "create_principal",
    "create_space",
    "deny",
    "derived_rights",
    "ensure_classes",
    "get_space",
    "give_own_rights",
    "grant",
    "is_administrator",
    "is_local_only",
    "list_grants",
    "list_principals",
    "list_spaces",
    "local_only_units",
    "lock_policy",
    "now",
    "publish",
    "publish_units",
    "readable_classes",
    "readable_mask",
    "reclassify",
    "remove_member",
    "require_administrator",
    "require_role",
    "require_unit_role",
    "revoke",
    "right_of",
    "rights_of",
    "set_owner",
    "source_rights",
    "undeny",
    "unpublish",
    "write_grants",
]
