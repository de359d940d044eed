# SPDX-License-Identifier: Apache-2.0
"""Memory units: identity, kinds, versions, provenance, lifecycle."""

from memwalk.units._edit import CHANGEABLE, UnitChange, UnitRevert, revert_units, unit_of_version, update_units
from memwalk.units._identity import content_hash, derived_id, new_id
from memwalk.units._kinds import DERIVED, KINDS, VERSION_PROPERTIES, Kind, Readable
from memwalk.units._new import NewUnit
from memwalk.units._purge import Purged, claim_payload, finish_erasures, list_erasures, purge_units
from memwalk.units._read import (
    Loadable,
    Unit,
    UnitRef,
    find_unit,
    get_unit,
    get_units,
    list_history,
    list_loadables,
)
from memwalk.units._states import State
from memwalk.units._sweep import sweep_payloads
from memwalk.units._write import AGENT, put_units, record_activity, retire_units

__all__ = [
    "AGENT",
    "CHANGEABLE",
    "DERIVED",
    "KINDS",
    "VERSION_PROPERTIES",
    "Kind",
    "Loadable",
    "NewUnit",
    "Purged",
    "Readable",
    "State",
    "Unit",
    "UnitChange",
    "UnitRef",
    "UnitRevert",
    "claim_payload",
    "content_hash",
    "derived_id",
    "find_unit",
    "finish_erasures",
    "get_unit",
    "get_units",
    "list_erasures",
    "list_history",
    "list_loadables",
    "new_id",
    "purge_units",
    "put_units",
    "record_activity",
    "retire_units",
    "revert_units",
    "sweep_payloads",
    "unit_of_version",
    "update_units",
]
