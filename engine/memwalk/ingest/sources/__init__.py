# SPDX-License-Identifier: Apache-2.0
"""Files, folders and stdin as documents: one file here for each format."""

from memwalk.ingest.sources._files import read_text_file
from memwalk.ingest.sources._formats import FORMATS, read_sources, read_stream
from memwalk.ingest.sources._source import Section, Source, Statement, Turn

__all__ = ["FORMATS", "Section", "Source", "Statement", "Turn", "read_sources", "read_stream", "read_text_file"]
