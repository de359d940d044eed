# SPDX-License-Identifier: Apache-2.0
"""Where tensors live and what they are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memwalk.errors import ConfigurationError

if TYPE_CHECKING:
    import torch

    from memwalk.config import ModelSettings

__all__ = ["DTYPES", "check_dtype", "select_device", "select_dtype", "set_threads"]

DTYPES = ("float32", "bfloat16", "float16")


def select_device(models: ModelSettings) -> torch.device:
    """The device asked for; ``auto`` takes an accelerator where there is one.

    Raises
    ------
    ConfigurationError
        There is no such device here.
    """
    import torch

    if models.device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(models.device)
    except RuntimeError:
        raise ConfigurationError("device", models.device, "auto, cpu, cuda, cuda:N or mps") from None
    here = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not here.get(device.type, False):
        raise ConfigurationError("device", models.device, "a device of this machine (auto takes what there is)")
    return device


def check_dtype(models: ModelSettings) -> str:
    """The name of the dtype asked for.

    Raises
    ------
    ConfigurationError
        It is not one of `DTYPES`.
    """
    if models.dtype not in DTYPES:
        raise ConfigurationError("dtype", models.dtype, f"one of {', '.join(DTYPES)}")
    return models.dtype


def select_dtype(models: ModelSettings) -> torch.dtype:
    """The dtype asked for; nothing lowers it in silence, on no device."""
    import torch

    dtype: torch.dtype = getattr(torch, check_dtype(models))
    return dtype


def set_threads(models: ModelSettings, device: torch.device) -> None:
    """Give torch its threads; a setting of the whole process, and only for the CPU."""
    import torch

    if device.type == "cpu" and torch.get_num_threads() != models.threads:
        torch.set_num_threads(models.threads)
