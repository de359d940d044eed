# SPDX-License-Identifier: Apache-2.0
"""The three models: finding, verifying, fingerprinting and loading them. Importing this loads none."""

from __future__ import annotations

from memwalk.models._device import select_device
from memwalk.models._fingerprint import fingerprint, language_model_fingerprint
from memwalk.models._language import LanguageModel, load_language_model
from memwalk.models._resolve import Resolved, resolve

__all__ = [
    "LanguageModel",
    "Resolved",
    "fingerprint",
    "language_model_fingerprint",
    "load_language_model",
    "resolve",
    "select_device",
]
