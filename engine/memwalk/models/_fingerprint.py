# SPDX-License-Identifier: Apache-2.0
"""What identifies a model's numbers: two models with one fingerprint compute the same."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from memwalk.models._device import check_dtype
from memwalk.models._resolve import resolve

if TYPE_CHECKING:
    from pathlib import Path

    from memwalk.config import ModelSettings
    from memwalk.models._resolve import Resolved

__all__ = ["fingerprint", "language_model_fingerprint"]

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "merges.txt", "vocab.txt")
_CONFIGS = ("config.json", "modules.json", "sentence_bert_config.json", "1_Pooling/config.json")
# Keys of configurations that say who wrote the file, not what it computes.
_NOTES = frozenset(
    {"_name_or_path", "_model_name_or_path", "transformers_version", "dtype", "torch_dtype", "__version__"}
)
_TOKENIZER_KEYS = (
    *("bos_token", "eos_token", "pad_token", "unk_token", "add_bos_token", "add_eos_token"),
    *("add_prefix_space", "do_lower_case", "added_tokens_decoder", "chat_template"),
)


def fingerprint(resolved: Resolved, dtype: str) -> str:
    """sha256 over the weights' sums, the tokenizer with its chat template, the configuration and the dtype.

    Notes that do not change a number (who wrote the file, with which version) are left out, so that the same
    weights converted under another release of a library keep their fingerprint. Nothing is loaded: the sums
    are those of the record.

    Parameters
    ----------
    resolved : Resolved
    dtype : str
        Of the weights as loaded.
    """
    if resolved.role == "parser":
        parts: dict[str, Any] = {name: s.sha256 for name, s in resolved.files.items()}
    else:
        parts = {
            name: s.sha256
            for name, s in resolved.files.items()
            if name.endswith(".safetensors") or name in _TOKENIZER_FILES
        }
        for name in _CONFIGS:
            if name in resolved.files:
                parts[name] = _without_notes(_read(resolved.folder / name))
        if "tokenizer_config.json" in resolved.files:
            values = _read(resolved.folder / "tokenizer_config.json")
            parts["tokenizer_config.json"] = {key: values[key] for key in _TOKENIZER_KEYS if key in values}
        if "chat_template.jinja" in resolved.files:
            parts["chat_template.jinja"] = resolved.files["chat_template.jinja"].sha256
    parts["dtype"] = dtype
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def language_model_fingerprint(models: ModelSettings, cache: Path) -> str:
    """The fingerprint that `load_language_model` would give, without loading torch or the model.

    Milliseconds once the model was resolved; the first time it is resolved, and fetched if need be.

    Raises
    ------
    ModelUnavailable
        Nowhere to get it from.
    """
    return fingerprint(resolve("language_model", models, cache), check_dtype(models))


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _without_notes(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_notes(v) for key, v in value.items() if key not in _NOTES}
    return value
