# SPDX-License-Identifier: Apache-2.0
"""Memory units: identity, kinds, versions, provenance, lifecycle."""

from memwalk.units._identity import content_hash, derived_id, new_id
from memwalk.units._kinds import KINDS, Kind, Readable
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
from memwalk.units._write import AGENT, NewUnit, put_units, record_activity, retire_units

__all__ = [
    "AGENT",
    "KINDS",
    "Kind",
    "Loadable",
    "NewUnit",
    "Readable",
    "Unit",
    "UnitRef",
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
]
