# SPDX-License-Identifier: Apache-2.0
"""Memory units: identity, kinds, versions, provenance, lifecycle."""

from memwalk.units._edit import CHANGEABLE, UnitChange, UnitRevert, revert_units, unit_of_version, update_units
from memwalk.units._identity import content_hash, derived_id, new_id
from memwalk.units._kinds import DERIVED, KINDS, VERSION_PROPERTIES, Kind, Readable
from memwalk.units._new import NewUnit
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
    "Readable",
    "State",
    "Unit",
    "UnitChange",
    "UnitRef",
    "UnitRevert",
    "content_hash",
    "derived_id",
    "find_unit",
    "get_unit",
    "get_units",
    "list_history",
    "list_loadables",
    "new_id",
    "put_units",
    "record_activity",
    "retire_units",
    "revert_units",
    "unit_of_version",
    "update_units",
]
