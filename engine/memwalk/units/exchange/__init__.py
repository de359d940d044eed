# SPDX-License-Identifier: Apache-2.0
"""A subgraph as one file that another store, or another Neo4j, reads: `docs/export-format.md` describes it."""

from memwalk.units.exchange._archive import Archive
from memwalk.units.exchange._discard import Discarded, discard_imports
from memwalk.units.exchange._export import ExportReport, export_archive
from memwalk.units.exchange._format import FORMAT
from memwalk.units.exchange._import import ImportReport, import_archive
from memwalk.units.exchange._verify import verify_archive

__all__ = [
    "FORMAT",
    "Archive",
    "Discarded",
    "ExportReport",
    "ImportReport",
    "discard_imports",
    "export_archive",
    "import_archive",
    "verify_archive",
]
