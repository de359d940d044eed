# SPDX-License-Identifier: Apache-2.0
"""The façade: everything people and programs do with a memory, each act on behalf of a principal."""

from memwalk.memory._chat import Conversation
from memwalk.memory._generate import Answer
from memwalk.memory._maintain import check_store, dump_store, load_store
from memwalk.memory._memory import Memory
from memwalk.memory._open import open_memory

__all__ = ["Answer", "Conversation", "Memory", "check_store", "dump_store", "load_store", "open_memory"]
