# SPDX-License-Identifier: Apache-2.0
"""The language model: weights, tokenizer, and what identifies them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from memwalk.models._device import check_dtype, select_device, select_dtype, set_threads
from memwalk.models._fingerprint import fingerprint
from memwalk.models._quiet import quiet
from memwalk.models._resolve import resolve

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from memwalk.config import ModelSettings
    from memwalk.progress import Progress

__all__ = ["LanguageModel", "load_language_model"]


@dataclass(frozen=True)
class LanguageModel:
    """A causal language model, loaded.

    Attributes
    ----------
    name
        What the settings call it.
    model
        In evaluation mode, no parameter asks for a gradient. Shared by everything in the process: whoever
        attaches something to it detaches it again.
    tokenizer
        With its chat template.
    fingerprint
        sha256 over weights, tokenizer, configuration and dtype.
    device, dtype
        Where the weights live and what they are made of.
    """

    name: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    fingerprint: str
    device: torch.device
    dtype: torch.dtype


def load_language_model(models: ModelSettings, cache: Path, progress: Progress | None = None) -> LanguageModel:
    """Resolve and load the language model.

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
    ConfigurationError
        No such device or dtype.
    """
    name = check_dtype(models)
    resolved = resolve("language_model", models, cache, progress)
    from transformers import AutoModelForCausalLM, AutoTokenizer

    device, dtype = select_device(models), select_dtype(models)
    set_threads(models, device)
    folder = str(resolved.folder)
    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, local_files_only=True, use_safetensors=True)
    model.requires_grad_(requires_grad=False)
    model.train(mode=False)
    cast("torch.nn.Module", model).to(device)  # the decorated method confuses mypy
    return LanguageModel(
        name=resolved.name,
        model=cast("PreTrainedModel", model),
        tokenizer=cast("PreTrainedTokenizerFast", tokenizer),
        fingerprint=fingerprint(resolved, name),
        device=device,
        dtype=dtype,
    )
