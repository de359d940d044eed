# SPDX-License-Identifier: Apache-2.0
"""What loading costs on this machine, measured: the scheduler weighs forms by it."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from memwalk.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from memwalk.models import LanguageModel

__all__ = ["Costs", "cached_costs", "measure_costs"]

_PREFILL, _DECODE = 128, 3


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds that each way of loading memory takes before the first new token, and bytes.

    Attributes
    ----------
    prefill_seconds_per_token
        Of text in the prompt.
    decode_seconds_per_token
        Of each new token.
    kv_load_seconds_per_token
        Of a KV block: reading, checking, and filling a fresh cache with it.
    kv_bytes_per_token
        What a KV block takes on disk and in memory.
    attach_seconds
        Of reading an adapter and wrapping the model's layers.
    """

    prefill_seconds_per_token: float
    decode_seconds_per_token: float
    kv_load_seconds_per_token: float
    kv_bytes_per_token: int
    attach_seconds: float

    def __post_init__(self) -> None:
        for f in fields(self):
            if not getattr(self, f.name) >= 0:
                raise InvalidArgument(f.name, getattr(self, f.name), "0 or more")

    def prefill(self, tokens: int) -> float:
        """Seconds to compute so many tokens of a prompt."""
        return tokens * self.prefill_seconds_per_token

    def decode(self, tokens: int) -> float:
        """Seconds to generate so many tokens."""
        return tokens * self.decode_seconds_per_token

    def load_kv(self, tokens: int) -> float:
        """Seconds to load a KV block of so many tokens."""
        return tokens * self.kv_load_seconds_per_token


def measure_costs(lm: LanguageModel) -> Costs:
    """Measure what loading costs on this machine, in about two seconds.

    Parameters
    ----------
    lm : LanguageModel
    """
    from transformers import DynamicCache

    from memwalk.runtime._adapter import ADAPTER_FORMAT, load_adapter, wrap
    from memwalk.runtime._kv import build_kv, load_kv
    from memwalk.runtime._model import forward, state_of
    from memwalk.runtime._payload import write_payload
    from memwalk.runtime._train import AdapterConfig, lora_arguments

    vocabulary = int(lm.model.config.get_text_config().vocab_size)
    ids = [i % vocabulary for i in range(_PREFILL)]
    peft = lora_arguments(lm, AdapterConfig())
    tensors = {name: tensor.detach().cpu() for name, tensor in wrap(lm, peft, seed=0).tensors().items()}
    adapter = write_payload(ADAPTER_FORMAT, tensors, {"fingerprint": lm.fingerprint, "peft": peft})
    with state_of(lm).lock:
        forward(lm, ids[:8], DynamicCache(), keep=1)  # the first pass pays for what is set up once
        cache = DynamicCache()
        prefill = _seconds(lambda: forward(lm, ids, cache, keep=1))
        decode = _seconds(lambda: [forward(lm, ids[:1], cache, keep=1) for _ in range(_DECODE)])
    block = build_kv(lm, ids[:32])
    load = _seconds(lambda: load_kv(block, lm).cache())
    attach = _seconds(lambda: load_adapter(adapter, lm))
    return Costs(prefill / _PREFILL, decode / _DECODE, load / 32, len(block) // 32, attach)


def cached_costs(lm: LanguageModel, path: Path | None) -> Costs:
    """Costs as a file says, measured and written there if it does not say.

    Parameters
    ----------
    lm : LanguageModel
    path : Path, optional
        A JSON file, one entry for each model and device. None: measure.
    """
    key = f"{lm.fingerprint} {lm.device}"
    known = _read(path) if path else {}
    if key in known:
        return known[key]
    costs = measure_costs(lm)
    if path:
        written = {name: asdict(value) for name, value in {**known, key: costs}.items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(".new")
        scratch.write_text(json.dumps(written, indent=1, sort_keys=True), encoding="utf-8")
        scratch.replace(path)
    return costs


def _read(path: Path) -> dict[str, Costs]:
    """What the file says; a file of another time or shape is measured anew."""
    try:
        return {key: Costs(**value) for key, value in json.loads(path.read_text(encoding="utf-8")).items()}
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return {}


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
