# SPDX-License-Identifier: Apache-2.0
"""GGUF to safetensors, once: loading a GGUF takes 20 s each time, the converted model 1 s."""

from __future__ import annotations

import contextlib
import io
import shutil
from typing import TYPE_CHECKING

from memwalk.errors import StorageFull
from memwalk.models._quiet import quiet

if TYPE_CHECKING:
    from pathlib import Path

    from memwalk.progress import Progress

__all__ = ["convert_gguf"]

# float32 weights take at least this many times the bytes of 4-bit ones with their scales.
GROWTH = 5


def convert_gguf(file: Path, target: Path, progress: Progress | None = None) -> None:
    """Write a GGUF's weights, dequantised to float32, its tokenizer and its chat template beside each other.

    `save_pretrained` refuses a model that was loaded from a GGUF, so the same architecture is built from its
    configuration, without weights, given the dequantised tensors, and saved. The bytes of the weights depend
    on the GGUF alone (measured: the same sha256 on every run).

    Parameters
    ----------
    file : Path
        The GGUF.
    target : Path
        An existing folder to write into.
    progress : Progress, optional

    Raises
    ------
    StorageFull
        The target's disk has not the room; found out before the work, not after it.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    needed = file.stat().st_size * GROWTH
    if shutil.disk_usage(target).free < needed:
        raise StorageFull(target, f"converting {file.name} takes at least {needed >> 20} MB")
    stage = f"converting {file.name}"
    if progress is not None:
        progress(stage, 0, 2)
    folder = str(file.parent)
    # The reader's progress bar cannot be switched off; it goes where nobody looks.
    with quiet(), contextlib.redirect_stderr(io.StringIO()):
        tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file.name, local_files_only=True)
        loaded = AutoModelForCausalLM.from_pretrained(
            folder, gguf_file=file.name, dtype=torch.float32, local_files_only=True
        )
        if progress is not None:
            progress(stage, 1, 2)
        config = loaded.config
        if hasattr(config, "quantization_config"):
            del config.quantization_config
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)  # type: ignore[no-untyped-call]  # has none
        model.load_state_dict(loaded.state_dict(), assign=True)
        model.tie_weights()
        model.generation_config = loaded.generation_config
        tokenizer.save_pretrained(target)
        try:
            model.save_pretrained(target)
        except SafetensorError as error:  # it carries the operating system's error as text only
            if "os error 28" in str(error):
                raise StorageFull(target, f"converting {file.name}") from error
            raise
    if progress is not None:
        progress(stage, 2, 2)
