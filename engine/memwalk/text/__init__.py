# SPDX-License-Identifier: Apache-2.0
"""Text: normalising, cutting into chunks, neutralising."""

from memwalk.text._chunk import Chunk, chunk, chunks, sentences
from memwalk.text._neutralise import neutralise
from memwalk.text._normalise import normalise_phrase

__all__ = ["Chunk", "chunk", "chunks", "neutralise", "normalise_phrase", "sentences"]
