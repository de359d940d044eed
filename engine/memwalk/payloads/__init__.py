# SPDX-License-Identifier: Apache-2.0
"""Bytes too big for a property, content-addressed by sha256, in a folder or any bucket."""

from memwalk.payloads._payloads import GRACE_SECONDS, Payload, PayloadStore, Sweep
from memwalk.payloads._safetensors import SafetensorsCheck

__all__ = ["GRACE_SECONDS", "Payload", "PayloadStore", "SafetensorsCheck", "Sweep"]
