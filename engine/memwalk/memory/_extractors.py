# SPDX-License-Identifier: Apache-2.0
"""What reads passages for an `add`: spaCy, somebody's OpenIE results, or an endpoint; and what that cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memwalk.errors import InvalidArgument, LocalOnly
from memwalk.policy import is_local_only

if TYPE_CHECKING:
    from pathlib import Path

    from memwalk.ingest import AddReport, Answers, Extractor
    from memwalk.memory._session import Session

__all__ = ["EXTRACTORS", "answers_of", "check_extractor", "make_extractor", "settle"]

EXTRACTORS = ("spacy", "endpoint")


def check_extractor(session: Session, space: str, choice: str, openie: Path | None) -> None:
    """Refuse what cannot be, before anything is read or sent.

    Raises
    ------
    InvalidArgument
        No such extractor, or an endpoint beside a supplied file.
    LocalOnly
        An endpoint would get what a local-only space is to hold; one on this machine counts as any other.
    """
    if choice not in EXTRACTORS:
        raise InvalidArgument("extractor", choice, " or ".join(EXTRACTORS))
    if choice == "endpoint" and openie is not None:
        raise InvalidArgument("extractor", choice, "spacy: the OpenIE file says what passages say")
    if choice == "endpoint" and is_local_only(session.store, space):
        raise LocalOnly(space=space)


def make_extractor(session: Session, space: str, choice: str, openie: Path | None) -> Extractor:
    """The extractor of one `add`, checked before."""
    from memwalk.ingest import EndpointExtractor, OpenIEFile, SpacyExtractor

    if openie is not None:
        return OpenIEFile(openie)
    if choice == "endpoint":
        settings = session.settings
        return EndpointExtractor(settings.extractor.at(settings.endpoint), space, answers_of(session))
    return SpacyExtractor(session.models.parser)


def settle(extractor: Extractor, report: AddReport) -> AddReport:
    """All is in the store: tell what it cost, and let go of what was only kept for a rerun."""
    from memwalk.ingest import EndpointExtractor

    if isinstance(extractor, EndpointExtractor):
        extractor.settle()
        report.spent = extractor.spent
    return report


def answers_of(session: Session) -> Answers:
    """Answers of an endpoint that are not in the store yet, beside it or, of one elsewhere, on this machine."""
    from memwalk.ingest import Answers

    identity = session.store.read("store/get_store")[0]["uuid"]
    return Answers((session.store.disk or session.settings.data_directory()) / "answers" / f"{identity}.sqlite")
