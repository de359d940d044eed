# SPDX-License-Identifier: Apache-2.0
"""Phrases as keys: two spellings of one phrase become one string."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["normalise_phrase"]

_ASCII_REST = re.compile(r"[^a-z0-9]+")

# Marks and letters that Unicode lets a reader ignore, beside the format characters (category Cf).
_IGNORABLE = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0"
    + "".join(map(chr, [*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]))
)


class _Keep(dict[int, str | None]):
    """A translation table that fills itself: letters, digits and marks stay, the rest becomes a space."""

    def __missing__(self, codepoint: int) -> str | None:
        character = chr(codepoint)
        category = unicodedata.category(character)
        kept: str | None = " "
        if category == "Cf" or character in _IGNORABLE:
            kept = None
        elif category[0] in "LMN":
            kept = character
        self[codepoint] = kept
        return kept


_KEEP = _Keep()


def normalise_phrase(phrase: str) -> str:
    """Reduce a phrase to the form that names an entity.

    Compatibility forms are unified (NFKC), case is folded, everything but letters, digits and the
    combining marks on them becomes a space, and spaces are collapsed. Works on any script and changes
    nothing when applied again. Articles are kept: dropping them is a matter of the language, and the
    extractor's.

    Parameters
    ----------
    phrase : str
        Any text.

    Returns
    -------
    str
        The phrase; empty when the text holds no letter or digit.

    Examples
    --------
    >>> normalise_phrase("  St. Maurice's\u00a0ABBEY ")
    'st maurice s abbey'
    >>> normalise_phrase("STRA\u00dfE, 2. OG") == normalise_phrase("Strasse 2 og")
    True
    """
    if phrase.isascii():
        return _ASCII_REST.sub(" ", phrase.lower()).strip()
    # Folding can undo a composition and dropping a character can allow one, so go on until nothing moves.
    before = None
    while phrase != before:
        before = phrase
        phrase = _step(phrase)
    return phrase


def _step(phrase: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", phrase).casefold())
    return " ".join(word for raw in folded.translate(_KEEP).split() if (word := _without_leading_marks(raw)))


def _without_leading_marks(word: str) -> str:
    start = 0
    while start < len(word) and unicodedata.category(word[start])[0] == "M":
        start += 1
    return word[start:]
