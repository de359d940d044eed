# SPDX-License-Identifier: Apache-2.0
"""What one generation may cost."""

from __future__ import annotations

from dataclasses import dataclass

from memwalk.errors import InvalidArgument

__all__ = ["Budget"]


@dataclass(frozen=True, slots=True)
class Budget:
    """What the memory of one generation may cost.

    Parameters
    ----------
    tokens : int
        Tokens of memory in the prompt, in whatever form they come.
    seconds : float, optional
        Time to the first token, estimated from costs measured on this machine.
    """

    tokens: int = 800
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.tokens < 0:
            raise InvalidArgument("tokens", self.tokens, "0 or more")
        if self.seconds is not None and self.seconds <= 0:
            raise InvalidArgument("seconds", self.seconds, "more than 0")
