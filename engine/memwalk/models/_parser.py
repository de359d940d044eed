# SPDX-License-Identifier: Apache-2.0
"""The parser: a spaCy pipeline for sentences, entities and noun chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memwalk.models._resolve import resolve

if TYPE_CHECKING:
    from pathlib import Path

    from spacy.language import Language

    from memwalk.config import ModelSettings
    from memwalk.progress import Progress

__all__ = ["load_parser"]


def load_parser(models: ModelSettings, cache: Path, progress: Progress | None = None) -> Language:
    """Resolve and load the spaCy pipeline.

    Parameters
    ----------
    models : ModelSettings
    cache : Path
        memwalk's cache folder.
    progress : Progress, optional

    Raises
    ------
    ModelUnavailable, ModelCorrupt, StorageFull
        As `resolve`.
    """
    resolved = resolve("parser", models, cache, progress)
    import spacy

    return spacy.load(resolved.folder)
