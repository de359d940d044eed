# SPDX-License-Identifier: Apache-2.0
"""A graph-native memory engine for language models.

>>> import memwalk
>>> with memwalk.open("~/notes") as memory:  # doctest: +SKIP
...     memory.add("reports/")
...     plan = memory.plan("Who paid for the bridge?", budget=memwalk.Budget(tokens=800))
...     print(plan.explain())
...     for piece in memory.generate(plan):
...         print(piece, end="")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memwalk import errors
from memwalk._version import __version__

if TYPE_CHECKING:
    from memwalk.config import Settings
    from memwalk.memory import Memory
    from memwalk.memory import open_memory as open  # noqa: A004  # `memwalk.open`, like `gzip.open`
    from memwalk.schedule import Budget, Plan

__all__ = ["Budget", "Memory", "Plan", "Settings", "__version__", "errors", "open"]


def __getattr__(name: str) -> Any:
    # Imported when first asked for: `import memwalk` stays light.
    if name == "Settings":
        from memwalk.config import Settings

        return Settings
    if name in {"Budget", "Plan"}:
        from memwalk import schedule

        return getattr(schedule, name)
    if name in {"Memory", "open"}:
        from memwalk import memory

        return getattr(memory, {"open": "open_memory"}.get(name, name))
    raise AttributeError(f"module 'memwalk' has no attribute {name!r}")
