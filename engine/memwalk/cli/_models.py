# SPDX-License-Identifier: Apache-2.0
"""`memwalk models`."""

import typer

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add these commands."""
