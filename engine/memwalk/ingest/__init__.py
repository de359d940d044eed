# SPDX-License-Identifier: Apache-2.0
"""Ingest: sources become passages, entities and facts."""

from memwalk.ingest._adopt import find_vanished_below, graph_address, read_graph
from memwalk.ingest._answers import Answers
from memwalk.ingest._endpoint_extractor import EndpointExtractor, Spent
from memwalk.ingest._extract import Extraction, Extractor, SpacyExtractor, Triple, query_entities
from memwalk.ingest._mapping import GraphMapping
from memwalk.ingest._openie import OpenIEFile
from memwalk.ingest._pipeline import add_sources, rewrite_passages
from memwalk.ingest._prune import Vanished, find_vanished
from memwalk.ingest._report import AddReport
from memwalk.ingest._rows import Piece
from memwalk.ingest._synonyms import similar_pairs
from memwalk.ingest.sources import FORMATS, Source, read_sources, read_stream, read_text_file

__all__ = [
    "FORMATS",
    "AddReport",
    "Answers",
    "EndpointExtractor",
    "Extraction",
    "Extractor",
    "GraphMapping",
    "OpenIEFile",
    "Piece",
    "Source",
    "SpacyExtractor",
    "Spent",
    "Triple",
    "Vanished",
    "add_sources",
    "find_vanished",
    "find_vanished_below",
    "graph_address",
    "query_entities",
    "read_graph",
    "read_sources",
    "read_stream",
    "read_text_file",
    "rewrite_passages",
    "similar_pairs",
]
