# SPDX-License-Identifier: Apache-2.0
"""The embedder: texts to unit vectors, the same vector for the same text whatever it is encoded with."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from memwalk.models._device import select_device
from memwalk.models._fingerprint import fingerprint
from memwalk.models._quiet import quiet
from memwalk.models._resolve import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    import torch

    from memwalk.config import ModelSettings
    from memwalk.progress import Progress

__all__ = ["Embedder", "load_embedder"]

# Token positions, padding included, of one batch: more brings no speed on a CPU.
CPU_BATCH = 2048
ACCELERATOR_BATCH = 65536
# Padded to this multiple, a row's result on a CPU depends neither on its batch nor on the padding.
MULTIPLE = 16

_threads = threading.Lock()


class Embedder:
    """A sentence-transformers model with its own pooling.

    Vectors are rows of float32 with L2 norm 1. On a CPU a text has one vector: every batch runs on one
    thread, padded to a multiple of 16 tokens, and the threads of the settings work on different batches.
    Measured (AVX-512, torch 2.15): bit-equal for every batch size, order and neighbour tried; padding to 8, or
    two threads within one matrix product, differ by up to 2e-7. On an accelerator such differences remain
    (kernels are chosen by shape), as they do between two kinds of CPU: compare such scores with a tolerance.
    Prompts that some models define for queries or passages are not used.

    Attributes
    ----------
    name
        What the settings call it.
    dimension
        Length of a vector.
    fingerprint
        sha256 over weights, tokenizer, pooling and configuration: vectors of two embedders are comparable
        only if it is the same.
    max_tokens
        Longer texts are cut there (special tokens included).
    """

    def __init__(self, name: str, model: Any, fingerprint: str, threads: int) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self.dimension = int(model.get_embedding_dimension())
        self.max_tokens = int(model.max_seq_length or 512)
        self._model = model
        self._device: torch.device = model.device
        self._workers = threads if self._device.type == "cpu" else 1
        self._lock = threading.Lock()  # a fast tokenizer may not be used by two threads at once

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> npt.NDArray[np.float32]:
        """Vectors of texts.

        Parameters
        ----------
        texts : sequence of str
        progress : Progress, optional

        Returns
        -------
        vectors : float32 array, shape [len(texts), dimension]
            Each row of norm 1.
        """
        import numpy as np

        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        if not texts:
            return vectors
        done = 0
        with self._lock, _one_thread_each(self._device), ThreadPoolExecutor(self._workers) as pool:
            batches = self._batches(texts)
            for start in range(0, len(batches), self._workers):
                group = batches[start : start + self._workers]
                features = [self._preprocess([texts[i] for i in rows]) for rows in group]
                for rows, values in zip(group, pool.map(self._forward, features), strict=True):
                    vectors[rows] = values
                    done += len(rows)
                if progress is not None:
                    progress("embedding", done, len(texts))
        return vectors

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where the tokens of a text lie in it: (start, end) in characters, without special tokens."""
        with self._lock:
            encoded = self._model.tokenizer(
                text, add_special_tokens=False, return_offsets_mapping=True, truncation=False, verbose=False
            )
        return [(int(start), int(end)) for start, end in encoded["offset_mapping"]]

    def _batches(self, texts: Sequence[str]) -> list[list[int]]:
        """Indices of texts of about the same length, shortest first."""
        lengths = self._model.tokenizer(
            list(texts), truncation=True, max_length=self.max_tokens, return_length=True, return_attention_mask=False
        )["length"]
        padded = [-(-int(n) // MULTIPLE) * MULTIPLE for n in lengths]
        room = CPU_BATCH if self._device.type == "cpu" else ACCELERATOR_BATCH
        batches: list[list[int]] = []
        for i in sorted(range(len(texts)), key=lambda i: (padded[i], i)):
            if batches and (len(batches[-1]) + 1) * padded[i] <= room:
                batches[-1].append(i)
            else:
                batches.append([i])
        return batches

    def _preprocess(self, texts: list[str]) -> dict[str, Any]:
        features: dict[str, Any] = self._model.preprocess(
            texts, processing_kwargs={"text": {"pad_to_multiple_of": MULTIPLE}}
        )
        return features

    def _forward(self, features: dict[str, Any]) -> npt.NDArray[np.float32]:
        import torch
        from sentence_transformers.util import batch_to_device

        with torch.inference_mode():
            pooled = self._model(batch_to_device(features, self._device))["sentence_embedding"]
            rows: npt.NDArray[np.float32] = torch.nn.functional.normalize(pooled.float(), dim=1).cpu().numpy()
        return rows


@contextmanager
def _one_thread_each(device: torch.device) -> Iterator[None]:
    """One torch thread in each of our workers, then as before; a setting of the process, so one at a time."""
    import torch

    if device.type != "cpu":
        yield
        return
    with _threads:
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def load_embedder(models: ModelSettings, cache: Path, progress: Progress | None = None) -> Embedder:
    """Resolve and load the embedder, in float32 whatever the language model's dtype is.

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
        No such device.
    """
    resolved = resolve("embedder", models, cache, progress)
    from sentence_transformers import SentenceTransformer

    with quiet():
        model = SentenceTransformer(
            str(resolved.folder),
            device=str(select_device(models)),
            local_files_only=True,
            model_kwargs={"dtype": "float32", "use_safetensors": True},
        )
    model.requires_grad_(requires_grad=False)
    model.eval()
    return Embedder(resolved.name, model, fingerprint(resolved, "float32"), models.threads)
