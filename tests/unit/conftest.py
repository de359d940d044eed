# SPDX-License-Identifier: Apache-2.0
"""What unit tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from spacy.language import Language

    from memwalk.config import Settings


@pytest.fixture(scope="session")
def parser(settings: Settings) -> Language:
    """The default spaCy pipeline."""
    from memwalk.models import load_parser

    return load_parser(settings.models, settings.cache_directory())
