# SPDX-License-Identifier: Apache-2.0
"""Adapters: PEFT LoRA layers put around a model's own, and taken away again.

The base model is never changed: PEFT wraps a linear layer in one that adds its low-rank product to
the result. Attaching swaps the wrapped layers in, detaching swaps the model's own objects back, so the
base weights after it are not equal to those before but the same.

A payload is one safetensors file with PEFT's own names (``model.layers.0.mlp.up_proj.lora_A.weight``).
Its only metadata key, ``memwalk``, holds JSON: ``format``, ``fingerprint`` of the base, ``peft`` (the
LoRA configuration), ``examples``, ``steps``, ``loss`` (the last), ``seed``.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from memwalk.errors import FingerprintMismatch, InvalidArgument, PayloadMalformed
from memwalk.runtime._model import state_of
from memwalk.runtime._payload import read_payload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from memwalk.models import LanguageModel

__all__ = ["ADAPTER_FORMAT", "Adapter", "Wrapped", "attached", "load_adapter", "wrap"]

ADAPTER_FORMAT = "memwalk.adapter.1"
_NAME = "default"


@dataclass(frozen=True, eq=False, slots=True)
class Place:
    """One layer of the model: where it hangs, the model's own, and the wrapped one."""

    path: str
    parent: nn.Module
    attribute: str
    base: nn.Module
    wrapped: nn.Module


class Wrapped:
    """A model's layers wrapped for LoRA, not attached yet.

    Attributes
    ----------
    places : list of Place
        In the model's order.
    """

    def __init__(self, lm: LanguageModel, places: list[Place]) -> None:
        self._model = lm.model
        self._state = state_of(lm)
        self.places = places

    @contextmanager
    def active(self, identity: str) -> Iterator[None]:
        """Attach, and detach at the end. Nobody else computes on this model meanwhile.

        Raises
        ------
        InvalidArgument
            Another adapter is attached to one of the layers.
        """
        with self._state.lock:
            if any(getattr(place.parent, place.attribute) is not place.base for place in self.places):
                raise InvalidArgument("adapter", identity, "no other adapter attached")
            before = self._state.attached
            try:
                for place in self.places:
                    setattr(place.parent, place.attribute, place.wrapped)
                self._state.attached = (*before, identity)
                yield
            finally:
                for place in self.places:
                    setattr(place.parent, place.attribute, place.base)
                self._state.attached = before

    def tensors(self) -> dict[str, torch.Tensor]:
        """The low-rank matrices by PEFT's names, shared with the layers."""
        return {
            f"{place.path}.{name.replace(f'.{_NAME}.', '.')}": parameter
            for place in self.places
            for name, parameter in place.wrapped.named_parameters()
            if name.startswith("lora_")
        }


class Adapter:
    """A loaded adapter, ready to be attached for one generation after another.

    Attributes
    ----------
    identity : str
        sha256 of the payload.
    fingerprint : str
        Of the model it was trained on.
    metadata : dict
        What the payload says of itself.
    """

    def __init__(self, identity: str, fingerprint: str, metadata: dict[str, Any], wrapped: Wrapped) -> None:
        self.identity = identity
        self.fingerprint = fingerprint
        self.metadata = metadata
        self._wrapped = wrapped

    def fits(self, lm: LanguageModel) -> bool:
        """Whether it was loaded for this very model."""
        return self._wrapped._model is lm.model  # noqa: SLF001 - the same module

    @contextmanager
    def active(self) -> Iterator[None]:
        """Attach, and detach at the end."""
        with self._wrapped.active(self.identity):
            yield


def load_adapter(data: bytes, lm: LanguageModel, *, unit_id: str = "") -> Adapter:
    """Read an adapter for a model.

    Parameters
    ----------
    data : bytes
        As `train_adapter` made it.
    lm : LanguageModel
    unit_id : str
        For the error's text.

    Raises
    ------
    FingerprintMismatch
        Trained on another model, tokenizer or dtype.
    PayloadMalformed
        Not such a file, or matrices that do not fit the layers.
    """
    metadata, tensors = read_payload(ADAPTER_FORMAT, data)
    if metadata["fingerprint"] != lm.fingerprint:
        raise FingerprintMismatch(unit_id, str(metadata["fingerprint"]), lm.fingerprint)
    wrapped = wrap(lm, metadata["peft"], seed=0)
    own = wrapped.tensors()
    if set(own) != set(tensors) or any(own[name].shape != tensors[name].shape for name in own):
        raise PayloadMalformed(ADAPTER_FORMAT, "its matrices do not fit the layers of the model")
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(tensors[name])
            parameter.requires_grad = False
    return Adapter(hashlib.sha256(data).hexdigest(), lm.fingerprint, metadata, wrapped)


@contextmanager
def attached(lm: LanguageModel, data: bytes | Adapter) -> Iterator[Adapter]:
    """Attach an adapter, and detach it at the end, whatever happens in between.

    Other threads that want the model wait. Inside, `generate` and `log_probability` run under it.

    Raises
    ------
    FingerprintMismatch, PayloadMalformed
        As `load_adapter`.
    """
    adapter = load_adapter(data, lm) if isinstance(data, bytes) else data
    with adapter.active():
        yield adapter


def wrap(lm: LanguageModel, peft: dict[str, Any], *, seed: int) -> Wrapped:
    """Let PEFT wrap a model's layers, and take the wrapped ones off at once.

    Parameters
    ----------
    lm : LanguageModel
    peft : dict
        Arguments of `peft.LoraConfig`.
    seed : int
        Of the first values of the matrices. torch's own generator is left as it was.
    """
    from peft import LoraConfig, inject_adapter_in_model
    from peft.tuners.lora import LoraLayer

    state, model = state_of(lm), lm.model
    with state.lock, torch.random.fork_rng(devices=[]):
        if state.attached:
            raise InvalidArgument("adapter", state.attached, "no other adapter attached")
        torch.manual_seed(seed)
        asked = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
        try:
            inject_adapter_in_model(LoraConfig(**peft), model, adapter_name=_NAME)
            # Parents are the model's own modules, which the swaps below do not touch.
            paths = [path for path, module in model.named_modules() if isinstance(module, LoraLayer)]
            places = [_place(model, path) for path in paths]
        finally:
            for path in [path for path, module in model.named_modules() if isinstance(module, LoraLayer)]:
                place = _place(model, path)
                setattr(place.parent, place.attribute, place.base)
            if hasattr(model, "peft_config"):
                del model.peft_config
            for name, parameter in model.named_parameters():
                parameter.requires_grad = asked[name]
        for place in places:
            place.wrapped.eval()
    return Wrapped(lm, places)


def _place(model: nn.Module, path: str) -> Place:
    parent, _, attribute = path.rpartition(".")
    wrapped = model.get_submodule(path)
    return Place(path, model.get_submodule(parent), attribute, wrapped.get_base_layer(), wrapped)  # type: ignore[operator]  # a LoraLayer
