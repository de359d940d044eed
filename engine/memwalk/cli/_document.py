# SPDX-License-Identifier: Apache-2.0
"""What `--json` prints: one function a thing, so that the keys stay when classes change."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from memwalk.ingest import AddReport
    from memwalk.memory import Answer
    from memwalk.models import ModelStatus
    from memwalk.policy import Decision, Grant, Principal, Space
    from memwalk.schedule import Pick, Plan
    from memwalk.store import BackupHeader, CheckReport
    from memwalk.units import Loadable, Unit, UnitRef
    from memwalk.walk import Result, Step

__all__ = [
    "of_answer",
    "of_backup",
    "of_check",
    "of_decision",
    "of_grant",
    "of_loadable",
    "of_model",
    "of_plan",
    "of_principal",
    "of_report",
    "of_result",
    "of_space",
    "of_unit",
    "of_version",
    "time_of",
]

Json = dict[str, Any]


def time_of(ms: int) -> str | None:
    """Milliseconds since the epoch as ISO 8601; None for a time that never comes.

    >>> time_of(0)
    '1970-01-01T00:00:00.000Z'
    """
    try:
        moment = datetime.fromtimestamp(ms / 1000, tz=UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def of_report(report: AddReport) -> Json:
    """What an `add` did."""
    return {
        "documents": report.documents,
        "unchanged": report.unchanged,
        "passages": report.passages,
        "entities": report.entities,
        "facts": report.facts,
        "retired": report.retired,
        "pruned": report.pruned,
        "extracted": report.extracted,
        "extractions_reused": report.extractions_reused,
        "embedded": report.embedded,
        "embeddings_reused": report.embeddings_reused,
        "seconds": {stage: round(seconds, 3) for stage, seconds in report.seconds.items()},
        "spent": None if report.spent is None else asdict(report.spent),
        "skipped": [
            {"path": error.path, "reason": type(error).__name__, "message": str(error)} for error in report.skipped
        ],
    }


def of_ref(ref: UnitRef) -> Json:
    """An exact version."""
    return {"id": ref.id, "version": ref.seq}


def of_path(path: tuple[Step, ...]) -> list[Json]:
    """The strongest path to a result."""
    return [
        {
            "from": {"id": step.source_id, "name": step.source_name},
            "edge": step.edge,
            "to": {"id": step.target_id, "name": step.target_name},
            "weight": step.weight,
            "fact": step.fact,
        }
        for step in path
    ]


def of_result(result: Result) -> Json:
    """A unit that was found, its own seeds, and the path to it from the seed it was walked to from."""
    return {
        "id": result.unit_id,
        "version": result.seq,
        "kind": result.kind,
        "name": result.name,
        "text": result.text,
        "space": result.space,
        "score": result.score,
        "seeds": dict(result.seeds),
        "path": of_path(result.path),
        "path_seeds": dict(result.origin),
    }


def of_pick(pick: Pick) -> Json:
    """A loadable to load."""
    return {
        "form": pick.form.value,
        "loadable": pick.loadable,
        "name": pick.name,
        "units": [of_ref(ref) for ref in pick.units],
        "tokens": pick.tokens,
        "seconds": pick.seconds,
        "score": pick.score,
        "path": of_path(pick.path),
    }


def of_plan(plan: Plan) -> Json:
    """A plan."""
    return {
        "question": plan.question,
        "budget": {"tokens": plan.budget.tokens, "seconds": plan.budget.seconds},
        "remote": plan.remote,
        "tokens": plan.tokens,
        "seconds": plan.seconds,
        "fixed_tokens": plan.fixed_tokens,
        "picks": [of_pick(pick) for pick in plan.picks],
        "refusals": [
            {
                "form": refusal.form.value,
                "loadable": refusal.loadable,
                "name": refusal.name,
                "reason": refusal.reason.name.lower(),
                "message": refusal.reason.value,
            }
            for refusal in plan.refusals
        ],
    }


def of_answer(answer: Answer, text: str) -> Json:
    """An answer, with what it was made from."""
    return {
        "answer": text,
        "activity": answer.activity,
        "prefilled_tokens": answer.prefilled,
        "reused_tokens": answer.reused,
        "seconds_to_first_token": answer.seconds_to_first_token,
        "plan": of_plan(answer.plan),
    }


def of_unit(unit: Unit, loadable: Loadable | None) -> Json:
    """A unit, and what it was built from if it was."""
    document: Json = {
        "id": unit.id,
        "kind": unit.kind,
        "space": unit.space,
        "version": unit.seq,
        "name": unit.name,
        "text": unit.text,
        "policy_class": unit.policy_class,
        "properties": unit.properties,
        "state": unit.state,
        "tags": list(unit.tags),
        "metadata": unit.metadata,
        "valid_from": None if unit.valid_from is None else time_of(unit.valid_from),
        "valid_to": None if unit.valid_to is None else time_of(unit.valid_to),
        "since": None if unit.since is None else time_of(unit.since),
    }
    if loadable is not None:
        document |= {"fresh": loadable.fresh, "sources": [of_ref(ref) for ref in loadable.sources]}
    return document


def of_version(row: Json) -> Json:
    """A version of a unit."""
    return {
        "version": row["seq"],
        "state": row["state"],
        "at": None if row["at"] is None else time_of(row["at"]),
        "until": None if row["until"] is None else time_of(row["until"]),
        "valid_from": None if row["valid_from"] is None else time_of(row["valid_from"]),
        "valid_to": None if row["valid_to"] is None else time_of(row["valid_to"]),
        "activity": row["activity"],
        "principal": row["principal"],
        "content_hash": row["content_hash"],
        "sources": [{"id": source["id"], "version": source["seq"]} for source in row["sources"]],
    }


def of_loadable(loadable: Loadable) -> Json:
    """A KV block or an adapter."""
    return {
        "id": loadable.id,
        "kind": loadable.kind,
        "name": loadable.name,
        "space": loadable.space,
        "version": loadable.seq,
        "fresh": loadable.fresh,
        "tokens": loadable.tokens,
        "bytes": loadable.bytes,
        "fingerprint": loadable.fingerprint,
        "payload": loadable.payload,
        "sources": [of_ref(ref) for ref in loadable.sources],
    }


def of_space(space: Space) -> Json:
    """A space."""
    return {"id": space.id, "local_only": space.local_only, "documents": space.documents}


def of_principal(principal: Principal) -> Json:
    """A principal."""
    return {"id": principal.id, "kind": principal.kind, "groups": list(principal.groups)}


def of_grant(grant: Grant) -> Json:
    """A grant or denial; on a unit, a space, or (both null) the whole store; its end is null when it has none."""
    return {
        "principal": grant.principal,
        "role": grant.role,
        "denied": grant.denied,
        "space": grant.space,
        "unit": grant.unit,
        "since": time_of(grant.since),
        "until": time_of(grant.until),
    }


def of_decision(decision: Decision) -> Json:
    """Whether somebody may, and what decides it."""
    return {
        "principal": decision.principal,
        "action": decision.action,
        "unit": decision.unit,
        "allowed": decision.allowed,
        "ways": [
            {
                "evidence": {"id": way.evidence[0], "seq": way.evidence[1]} if way.evidence else None,
                "open": way.open,
                "needs": [
                    {
                        "right": need.right,
                        "role": need.role,
                        "held": need.held,
                        "edges": [
                            {
                                "chain": list(edge.chain),
                                "denied": edge.denied,
                                "role": edge.role,
                                "space": edge.space,
                                "unit": edge.unit,
                                "since": time_of(edge.since),
                                "until": time_of(edge.until),
                            }
                            for edge in need.edges
                        ],
                    }
                    for need in way.needs
                ],
            }
            for way in decision.ways
        ],
    }


def of_model(model: ModelStatus) -> Json:
    """A model; where it is and what it is are null until it was fetched."""
    return {
        "role": model.role,
        "name": model.name,
        "source": model.source,
        "origin": model.origin,
        "path": str(model.path) if model.path else None,
        "bytes": model.size,
        "licence": model.licence,
        "fingerprint": model.fingerprint,
    }


def of_backup(header: BackupHeader, file: Path) -> Json:
    """A backup."""
    return {
        "file": str(file),
        "at": time_of(header.at),
        "memwalk": header.memwalk,
        "neo4j": header.neo4j,
        "schema": header.schema,
        "store": header.store,
        "change": header.change,
        "payloads": header.payloads,
        "payloads_url": header.payloads_url or None,
        "damaged": list(header.damaged),
        "bytes": header.bytes,
    }


def of_check(report: CheckReport) -> Json:
    """What a check found."""
    return {
        "sound": report.sound,
        "units": report.units,
        "versions": report.versions,
        "changes": report.changes,
        "payloads": report.payloads,
        "orphans": report.orphans,
        "orphan_bytes": report.orphan_bytes,
        "staged": report.staged,
        "findings": [
            {"kind": finding.kind, "where": finding.where, "detail": finding.detail} for finding in report.findings
        ],
    }
