# SPDX-License-Identifier: Apache-2.0
"""Tensors and what describes them as one safetensors file, the same bytes for the same content."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from memwalk.errors import PayloadMalformed

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

__all__ = ["read_payload", "write_payload"]

_KEY = "memwalk"


def write_payload(kind: str, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, object]) -> bytes:
    """Write tensors with JSON metadata under one key: safetensors keeps no order among several."""
    from safetensors.torch import save

    described = json.dumps({**metadata, "format": kind}, sort_keys=True, separators=(",", ":"))
    written: bytes = save(dict(tensors), metadata={_KEY: described})
    return written


def read_payload(kind: str, data: bytes) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Read what `write_payload` wrote.

    Raises
    ------
    PayloadMalformed
        Not a safetensors file, or one of another kind.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors: dict[str, torch.Tensor] = load(data)
        # safetensors reads a file's metadata, but not that of bytes: the header is 8 bytes of length, then JSON.
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        metadata: dict[str, Any] = json.loads(header["__metadata__"][_KEY])
    except (SafetensorError, KeyError, ValueError) as error:
        raise PayloadMalformed(kind, str(error)) from error
    if metadata.get("format") != kind:
        raise PayloadMalformed(kind, f"its format is {metadata.get('format')!r}")
    return metadata, tensors
