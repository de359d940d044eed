# SPDX-License-Identifier: Apache-2.0
"""Memory units: identity, kinds, versions, provenance, lifecycle."""

from memwalk.units._diff import Difference, FieldChange, diff
from memwalk.units._draft import EDITABLE, Draft, as_change, as_draft, as_revert
from memwalk.units._edit import CHANGEABLE, UnitChange, UnitRevert, revert_units, unit_of_version, update_units
from memwalk.units._hand import change_units, forget_units, restore_units, write_drafts
from memwalk.units._identity import content_hash, derived_id, new_id
from memwalk.units._kinds import DERIVED, KINDS, VERSION_PROPERTIES, Kind, Readable
from memwalk.units._lineage import Lineage, LineageEdge, LineageNode, lineage
from memwalk.units._new import MAX_METADATA, NewUnit
from memwalk.units._purge import Purged, claim_payload, finish_erasures, list_erasures, purge_units
from memwalk.units._read import (
    Unit,
    UnitRef,
    check_time,
    find_unit,
    get_unit,
    get_units,
    get_version,
    list_history,
    list_units,
)
from memwalk.units._stale import Loadable, list_loadables, list_stale, stale_units
from memwalk.units._states import State
from memwalk.units._sweep import require_own_payloads, sweep_payloads
from memwalk.units._write import AGENT, lock_units, put_units, record_activity, retire_units

__all__ = [
    "AGENT",
    "CHANGEABLE",
    "DERIVED",
    "EDITABLE",
    "KINDS",
    "MAX_METADATA",
    "VERSION_PROPERTIES",
    "Difference",
    "Draft",
    "FieldChange",
    "Kind",
    "Lineage",
    "LineageEdge",
    "LineageNode",
    "Loadable",
    "NewUnit",
    "Purged",
    "Readable",
    "State",
    "Unit",
    "UnitChange",
    "UnitRef",
    "UnitRevert",
    "as_change",
    "as_draft",
    "as_revert",
    "change_units",
    "check_time",
    "claim_payload",
    "content_hash",
    "derived_id",
    "diff",
    "find_unit",
    "finish_erasures",
    "forget_units",
    "get_unit",
    "get_units",
    "get_version",
    "lineage",
    "list_erasures",
    "list_history",
    "list_loadables",
    "list_stale",
    "list_units",
    "lock_units",
    "new_id",
    "purge_units",
    "put_units",
    "record_activity",
    "require_own_payloads",
    "restore_units",
    "retire_units",
    "revert_units",
    "stale_units",
    "sweep_payloads",
    "unit_of_version",
    "update_units",
    "write_drafts",
]
