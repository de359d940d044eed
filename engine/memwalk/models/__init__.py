# SPDX-License-Identifier: Apache-2.0
"""The three models: finding, verifying, fingerprinting and loading them. Importing this loads none."""

from __future__ import annotations

from memwalk.models._catalog import ROLES, Role
from memwalk.models._device import select_device
from memwalk.models._embedder import Embedder, load_embedder
from memwalk.models._fingerprint import fingerprint, language_model_fingerprint
from memwalk.models._language import LanguageModel, load_language_model
from memwalk.models._manage import ModelProblem, ModelStatus, check, list_models, pull
from memwalk.models._parser import load_parser
from memwalk.models._remote import Completion, complete_chat, refusal
from memwalk.models._resolve import Resolved, resolve

__all__ = [
    "ROLES",
    "Completion",
    "Embedder",
    "LanguageModel",
    "ModelProblem",
    "ModelStatus",
    "Resolved",
    "Role",
    "check",
    "complete_chat",
    "fingerprint",
    "language_model_fingerprint",
    "list_models",
    "load_embedder",
    "load_language_model",
    "load_parser",
    "pull",
    "refusal",
    "resolve",
    "select_device",
]
