# SPDX-License-Identifier: Apache-2.0
"""A plan in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memwalk.schedule._plan import Plan
    from memwalk.walk import Step

__all__ = ["explain_path", "explain_plan"]


def explain_path(path: Sequence[Step]) -> str:
    """The strongest path on one line: ``name -[EDGE]- name -[EDGE]- name``."""
    if not path:
        return "found by itself (a seed)"
    return "".join([path[0].source_name] + [f" -[{step.edge}]- {step.target_name}" for step in path])


def explain_plan(plan: Plan) -> str:
    """Picks with form, cost, score and path; refusals with their reasons."""
    time = f", about {plan.seconds:.2f} s to the first token"
    lines = [f"{len(plan.picks)} picks, {plan.tokens} of {plan.budget.tokens} tokens of memory{time}"]
    for pick in plan.picks:
        lines.append(f"  {pick.form.value:8} {pick.name}  [{pick.tokens} tokens, score {pick.score:.4f}]")
        if len(pick.units) > 1:
            lines.append(f"           over {len(pick.units)} units: {', '.join(ref.id[:8] for ref in pick.units)}")
        if pick.path:
            lines.append(f"           {explain_path(pick.path)}")
    if plan.refusals:
        lines.append("left out:")
        lines += [f"  {r.form.value:8} {r.name}: {r.reason.value}" for r in plan.refusals]
    return "\n".join(lines)
