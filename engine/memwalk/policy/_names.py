# SPDX-License-Identifier: Apache-2.0
"""Names of principals and spaces."""

from __future__ import annotations

import re

from memwalk.errors import InvalidArgument

__all__ = ["check_name"]

_NAME = re.compile(r"[\w][\w.@-]{0,63}")


def check_name(what: str, name: str) -> None:
    """Refuse a name that is none.

    Raises
    ------
    InvalidArgument
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidArgument(what, name, "a name of 1 to 64 letters, digits, and . _ @ -")
