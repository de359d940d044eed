# SPDX-License-Identifier: Apache-2.0
"""Running a model on loadables: prompts, KV blocks, adapters, generation, endpoints. torch is loaded when used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from memwalk.runtime._costs import Costs, cached_costs, measure_costs
from memwalk.runtime._endpoint import RemoteGeneration, generate_remote
from memwalk.runtime._prompt import INSTRUCTION, Memory, PromptFormat, Turn, write_messages

if TYPE_CHECKING:
    from memwalk.runtime._adapter import Adapter, attached, load_adapter
    from memwalk.runtime._forms import Example, make_examples
    from memwalk.runtime._generate import Generation, generate, log_probability
    from memwalk.runtime._kv import KVPrefix, build_kv, load_kv
    from memwalk.runtime._train import AdapterConfig, train_adapter

__all__ = [
    "INSTRUCTION",
    "Adapter",
    "AdapterConfig",
    "Costs",
    "Example",
    "Generation",
    "KVPrefix",
    "Memory",
    "PromptFormat",
    "RemoteGeneration",
    "Turn",
    "attached",
    "build_kv",
    "cached_costs",
    "generate",
    "generate_remote",
    "load_adapter",
    "load_kv",
    "log_probability",
    "make_examples",
    "measure_costs",
    "train_adapter",
    "write_messages",
]

_LAZY = {
    "Adapter": "_adapter",
    "AdapterConfig": "_train",
    "Example": "_forms",
    "Generation": "_generate",
    "KVPrefix": "_kv",
    "attached": "_adapter",
    "build_kv": "_kv",
    "generate": "_generate",
    "load_adapter": "_adapter",
    "load_kv": "_kv",
    "log_probability": "_generate",
    "make_examples": "_forms",
    "train_adapter": "_train",
}


def __getattr__(name: str) -> object:
    if name in _LAZY:
        return getattr(import_module(f"memwalk.runtime.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
