# SPDX-License-Identifier: Apache-2.0
"""Times as people type them: a date, a date and time, or a span from now or ago."""

import re
from datetime import UTC, datetime, timedelta

import typer

__all__ = ["TIME_FORMS", "parse_time"]

TIME_FORMS = "2026-12-31, 2026-12-31T18:00, 30d from now, 2h ago (or 30d, -2h; m, h, d, w)"
"""What a help text says of a time."""

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SPAN = re.compile(r"(?P<sign>[+-]?)(?P<count>\d{1,5})\s*(?P<unit>[mhdw])(?:\s+(?P<way>ago|from now))?")


def parse_time(text: str, now: int, *, option: str) -> int:
    """A time that a person typed, in ms since the epoch.

    A time without a zone is local time; a span without a sign lies ahead.

    Parameters
    ----------
    text : str
        One of `TIME_FORMS`, or ``now``.
    now : int
        ms since the epoch.
    option : str
        The option it was typed for, as errors name it.

    Raises
    ------
    typer.BadParameter

    Examples
    --------
    >>> parse_time("90m", 0, option="--until"), parse_time("2h ago", 0, option="--at")
    (5400000, -7200000)
    >>> parse_time("1970-01-02T00:00+00:00", 0, option="--at")
    86400000
    """
    typed = " ".join(text.lower().split())
    if typed == "now":
        return now
    span = _SPAN.fullmatch(typed)
    if span and not (span["sign"] and span["way"]):
        back = span["sign"] == "-" or span["way"] == "ago"
        length = timedelta(**{_UNITS[span["unit"]]: int(span["count"])}) // timedelta(milliseconds=1)
        return now - length if back else now + length
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment.astimezone() - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    except (ValueError, OverflowError, OSError):
        raise typer.BadParameter(f"{text!r} is no time: {TIME_FORMS}", param_hint=option) from None
