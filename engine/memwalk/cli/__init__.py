# SPDX-License-Identifier: Apache-2.0
"""The command line: thin functions over the façade. Results go to stdout, everything else to stderr."""

from memwalk.cli._app import app, main

__all__ = ["app", "main"]
