# SPDX-License-Identifier: Apache-2.0
"""KV blocks: the keys and values of a prompt's first segments, computed once, loaded as an exact prefix.

A payload is one safetensors file, and the same bytes for the same tensors:

=====================  ============================  ==========================================
tensor                 shape                         dtype
=====================  ============================  ==========================================
``token_ids``          ``[tokens]``                  int64
``layer.NN.key``       ``[kv_heads, tokens, dim]``   the model's; rotary positions applied, 0 first
``layer.NN.value``     ``[kv_heads, tokens, dim]``   the model's
=====================  ============================  ==========================================

The only metadata key, ``memwalk``, holds JSON: ``format``, ``fingerprint`` (of model, tokenizer and
dtype), ``adapters`` (identities of those attached while it was computed), ``tokens``, ``dtype``.
One key, because safetensors writes several in no fixed order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from memwalk.errors import FingerprintMismatch, InvalidArgument, PayloadMalformed
from memwalk.runtime._adapter import load_adapter
from memwalk.runtime._model import check_length, forward, state_of
from memwalk.runtime._payload import read_payload, write_payload

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memwalk.models import LanguageModel
    from memwalk.runtime._adapter import Adapter

__all__ = ["KV_FORMAT", "KVPrefix", "build_kv", "load_kv"]

KV_FORMAT = "memwalk.kv.1"


@dataclass(frozen=True, eq=False)
class KVPrefix:
    """A loaded KV block. Its tensors are never changed: each use fills a fresh cache with copies.

    Attributes
    ----------
    token_ids
        What the prompt must begin with.
    keys, values
        One tensor a layer, ``[kv_heads, tokens, head_dim]``, on the model's device.
    fingerprint
        Of the model it was computed by.
    adapters
        Identities of the adapters it was computed under.
    """

    token_ids: tuple[int, ...]
    keys: tuple[torch.Tensor, ...]
    values: tuple[torch.Tensor, ...]
    fingerprint: str
    adapters: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.token_ids)

    @property
    def nbytes(self) -> int:
        """Bytes the tensors take."""
        return sum(tensor.nbytes for tensor in (*self.keys, *self.values))

    def begins(self, ids: Sequence[int]) -> bool:
        """Whether a prompt begins with exactly these tokens."""
        return tuple(ids[: len(self.token_ids)]) == self.token_ids

    def cache(self, tokens: int | None = None) -> DynamicCache:
        """A fresh cache of the first `tokens` tokens (default: all), made of copies."""
        cache = DynamicCache()
        for layer, (key, value) in enumerate(zip(self.keys, self.values, strict=True)):
            cache.update(key[None, :, :tokens].clone(), value[None, :, :tokens].clone(), layer)
        return cache


def build_kv(lm: LanguageModel, ids: Sequence[int], *, adapter: bytes | Adapter | None = None) -> bytes:
    """Compute the keys and values of a prompt's first tokens.

    Parameters
    ----------
    lm : LanguageModel
    ids : sequence of int
        The preamble and whole blocks, as `PromptFormat` writes them.
    adapter : bytes or Adapter, optional
        Computed under this one, and loaded only under it.

    Returns
    -------
    bytes
        safetensors, laid out as this module says.

    Raises
    ------
    InvalidArgument
        More tokens than the model's context, or a model whose cache is not plain keys and values.
    """
    check_length(lm, len(ids))
    if isinstance(adapter, bytes):
        adapter = load_adapter(adapter, lm)
    cache = DynamicCache(config=lm.model.config)
    if not all(type(layer) is DynamicLayer for layer in cache.layers):
        raise InvalidArgument("language_model", lm.name, "a model that attends to its whole context in every layer")
    state = state_of(lm)
    with state.lock:
        if adapter is None:
            adapters = state.attached
            forward(lm, ids, cache, keep=1)
        else:
            with adapter.active():
                adapters = state.attached
                forward(lm, ids, cache, keep=1)
    tensors: dict[str, torch.Tensor] = {"token_ids": torch.tensor(list(ids), dtype=torch.int64)}
    for number, layer in enumerate(cache.layers):
        assert isinstance(layer, DynamicLayer)
        assert layer.keys is not None
        assert layer.values is not None
        tensors[f"layer.{number:02d}.key"] = layer.keys[0].cpu().contiguous()
        tensors[f"layer.{number:02d}.value"] = layer.values[0].cpu().contiguous()
    metadata = {"fingerprint": lm.fingerprint, "adapters": list(adapters), "tokens": len(ids), "dtype": str(lm.dtype)}
    return write_payload(KV_FORMAT, tensors, metadata)


def load_kv(data: bytes, lm: LanguageModel, *, adapters: Sequence[str] = (), unit_id: str = "") -> KVPrefix:
    """Read a KV block for a model.

    Parameters
    ----------
    data : bytes
        As `build_kv` made it.
    lm : LanguageModel
    adapters : sequence of str
        Identities of the adapters the generation will run under.
    unit_id : str
        For the error's text.

    Raises
    ------
    FingerprintMismatch
        Computed by another model, tokenizer or dtype, or under other adapters.
    PayloadMalformed
        Not such a file, or tensors of another shape or dtype than the model's.
    """
    metadata, tensors = read_payload(KV_FORMAT, data)
    if metadata["fingerprint"] != lm.fingerprint:
        raise FingerprintMismatch(unit_id, str(metadata["fingerprint"]), lm.fingerprint)
    computed_under = tuple(metadata["adapters"])
    if computed_under != tuple(adapters):
        raise FingerprintMismatch(unit_id, _adapter_set(computed_under), _adapter_set(adapters))
    config = lm.model.config.get_text_config()
    layers = range(config.num_hidden_layers)
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    token_ids = tensors.pop("token_ids", torch.empty(0))
    shape = (heads, token_ids.numel(), dim)
    if token_ids.dtype != torch.int64 or token_ids.ndim != 1 or not token_ids.numel():
        raise PayloadMalformed(KV_FORMAT, "no token ids")
    expected = {f"layer.{n:02d}.{part}" for n in layers for part in ("key", "value")}
    if set(tensors) != expected:
        raise PayloadMalformed(KV_FORMAT, f"{len(tensors)} layer tensors, expected {len(expected)}")
    for name, tensor in sorted(tensors.items()):
        if tuple(tensor.shape) != shape or tensor.dtype != lm.dtype:
            found = f"{name} is {tensor.dtype} {list(tensor.shape)}"
            raise PayloadMalformed(KV_FORMAT, f"{found}, expected {lm.dtype} {list(shape)}")
    moved: dict[str, Any] = {name: tensor.to(lm.device) for name, tensor in tensors.items()}
    return KVPrefix(
        token_ids=tuple(int(i) for i in token_ids.tolist()),
        keys=tuple(moved[f"layer.{n:02d}.key"] for n in layers),
        values=tuple(moved[f"layer.{n:02d}.value"] for n in layers),
        fingerprint=lm.fingerprint,
        adapters=computed_under,
    )


def _adapter_set(adapters: Sequence[str]) -> str:
    return f"adapters {', '.join(a[:12] for a in adapters)}" if adapters else "no adapter"
