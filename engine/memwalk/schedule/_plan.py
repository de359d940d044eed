# SPDX-License-Identifier: Apache-2.0
"""Planning as set packing: each unit at most once, the most value the budget holds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from memwalk.runtime import Costs
    from memwalk.schedule._budget import Budget
    from memwalk.units import Loadable, UnitRef
    from memwalk.walk import Step

__all__ = ["Candidate", "Form", "Pick", "Plan", "Reason", "Refusal", "make_plan"]

ADAPTER_VALUE = 0.5
"""What a unit known through an adapter is worth beside its text. Later measured, now a stated prior."""


class Form(Enum):
    """How a unit enters a generation."""

    CONTEXT = "context"
    KV = "kv"
    ADAPTER = "adapter"


class Reason(Enum):
    """Why a loadable was not picked."""

    BUDGET_TOKENS = "over the token budget"
    BUDGET_SECONDS = "over the time budget"
    REDUNDANT = "its units are loaded already, or none of them was walked to"
    STALE = "stale: a source changed since it was built"
    FINGERPRINT = "computed under another model, tokenizer or adapter set"
    FORM = "another form was asked for"
    LOCAL_ONLY = "in a local-only space: never sent to a remote model"
    NOT_CHOSEN = "another choice is worth more within the budget"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A unit the walk found, with the tokens its text takes in a prompt."""

    ref: UnitRef
    name: str
    space: str
    score: float
    tokens: int
    path: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Pick:
    """A loadable to load: a unit's text, a KV block over units, or an adapter over units."""

    form: Form
    loadable: str
    name: str
    units: tuple[UnitRef, ...]
    tokens: int
    seconds: float
    score: float
    payload: str = ""
    path: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A loadable the principal may know of that was not picked, and why."""

    form: Form
    loadable: str
    name: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Plan:
    """The decision for one generation."""

    question: str
    budget: Budget
    picks: tuple[Pick, ...]
    refusals: tuple[Refusal, ...]
    fixed_tokens: int
    """Tokens of the prompt without any memory."""
    fixed_seconds: float
    remote: bool = False

    @property
    def tokens(self) -> int:
        """Tokens of memory in the prompt."""
        return sum(pick.tokens for pick in self.picks)

    @property
    def seconds(self) -> float:
        """Estimated time to the first token."""
        return self.fixed_seconds + sum(pick.seconds for pick in self.picks)

    @property
    def units(self) -> tuple[UnitRef, ...]:
        """All units loaded, in the order of the picks."""
        return tuple(ref for pick in self.picks for ref in pick.units)

    def explain(self) -> str:
        """The plan in words: picks with form, cost, score and path; refusals with their reasons."""
        from memwalk.schedule._explain import explain_plan

        return explain_plan(self)


def make_plan(
    question: str,
    candidates: Sequence[Candidate],
    loadables: Iterable[Loadable],
    budget: Budget,
    costs: Costs,
    *,
    fingerprint: str,
    fixed_tokens: int,
    form: Form | None = None,
    local_only: Iterable[str] = (),
    remote: bool = False,
) -> Plan:
    """Pick what to load.

    Every start (nothing, one fresh KV block as the exact prefix, or one fresh adapter) is completed
    with the text of the other units, greedily by value per token; the start worth most wins, the
    cheapest in time among equals, then by id. The greedy density rule is within a factor of two of
    the optimum when the best single unit is tried too (Dantzig 1957; Kellerer, Pferschy and
    Pisinger, *Knapsack Problems*, 2004, section 2.1), which is done.

    Parameters
    ----------
    question : str
    candidates : sequence of Candidate
        In walk order.
    loadables : iterable of Loadable
        KV blocks and adapters the principal may read.
    budget : Budget
    costs : Costs
        Measured on this machine.
    fingerprint : str
        Of the model that will answer.
    fixed_tokens : int
        Tokens of the prompt without memory.
    form : Form, optional
        Load in this form alone.
    local_only : iterable of str
        Ids of units that may not reach a remote model.
    remote : bool
        A remote model will answer: context form only, nothing of local-only spaces.
    """
    refusals: list[Refusal] = []
    closed = set(local_only) if remote else set()
    open_candidates = []
    for candidate in candidates:
        if candidate.ref.id in closed:
            refusals.append(Refusal(Form.CONTEXT, candidate.ref.id, candidate.name, Reason.LOCAL_ONLY))
        else:
            open_candidates.append(candidate)

    fixed_seconds = costs.prefill(fixed_tokens)
    scores = {candidate.ref: candidate.score for candidate in open_candidates}
    starts: list[Pick | None] = [None] if form in {None, Form.CONTEXT} else []
    for loadable in loadables:
        pick = _start(loadable, scores, costs)
        reason = _unfit(loadable, pick, fingerprint, form, remote=remote) or _over(pick, 0, fixed_seconds, budget)
        if reason is None:
            starts.append(pick)
        else:
            refusals.append(Refusal(pick.form, pick.loadable, pick.name, reason))

    completed = [
        _complete(start, open_candidates if form in {None, Form.CONTEXT} else [], budget, costs, fixed_seconds)
        for start in starts
    ]
    best = min(completed, key=_preference, default=[])
    covered = {ref for pick in best for ref in pick.units}
    refusals += [
        Refusal(start.form, start.loadable, start.name, Reason.NOT_CHOSEN)
        for start in starts
        if start is not None and start not in best
    ]
    for candidate in open_candidates:
        if candidate.ref not in covered:
            reason = _refused(candidate, best, budget, costs, fixed_seconds, form)
            refusals.append(Refusal(Form.CONTEXT, candidate.ref.id, candidate.name, reason))
    return Plan(question, budget, tuple(best), tuple(refusals), fixed_tokens, fixed_seconds, remote)


def _start(loadable: Loadable, scores: dict[UnitRef, float], costs: Costs) -> Pick:
    score = sum(scores.get(ref, 0.0) for ref in loadable.sources)
    if loadable.kind == "KVBlock":
        seconds = costs.load_kv(loadable.tokens)
        return Pick(
            Form.KV, loadable.id, loadable.name, loadable.sources, loadable.tokens, seconds, score, loadable.payload
        )
    score *= ADAPTER_VALUE
    return Pick(
        Form.ADAPTER, loadable.id, loadable.name, loadable.sources, 0, costs.attach_seconds, score, loadable.payload
    )


def _unfit(loadable: Loadable, pick: Pick, fingerprint: str, form: Form | None, *, remote: bool) -> Reason | None:
    if not loadable.fresh:
        return Reason.STALE
    if loadable.fingerprint != fingerprint or loadable.adapters:
        return Reason.FINGERPRINT
    if remote or form not in {None, pick.form}:
        return Reason.FORM
    return Reason.REDUNDANT if pick.score <= 0 else None


def _over(pick: Pick, tokens: int, seconds: float, budget: Budget) -> Reason | None:
    if tokens + pick.tokens > budget.tokens:
        return Reason.BUDGET_TOKENS
    if budget.seconds is not None and seconds + pick.seconds > budget.seconds:
        return Reason.BUDGET_SECONDS
    return None


def _complete(
    start: Pick | None, candidates: Sequence[Candidate], budget: Budget, costs: Costs, seconds: float
) -> list[Pick]:
    head = [start] if start else []
    covered = {ref for pick in head for ref in pick.units}
    free = [_context(c, costs) for c in candidates if c.ref not in covered]
    dense = sorted(range(len(free)), key=lambda i: (-free[i].score / max(1, free[i].tokens), i))
    best_single = sorted(range(len(free)), key=lambda i: (-free[i].score, i))[:1]
    filled = [_fill(head, free, order, budget, seconds) for order in (dense, best_single)]
    return min(filled, key=_preference)


def _fill(head: list[Pick], free: list[Pick], order: list[int], budget: Budget, seconds: float) -> list[Pick]:
    tokens = sum(pick.tokens for pick in head)
    seconds += sum(pick.seconds for pick in head)
    chosen = []
    for i in order:
        if _over(free[i], tokens, seconds, budget) is None:
            chosen.append(i)
            tokens += free[i].tokens
            seconds += free[i].seconds
    return head + [free[i] for i in sorted(chosen)]


def _context(candidate: Candidate, costs: Costs) -> Pick:
    return Pick(
        Form.CONTEXT,
        candidate.ref.id,
        candidate.name,
        (candidate.ref,),
        candidate.tokens,
        costs.prefill(candidate.tokens),
        candidate.score,
        path=candidate.path,
    )


def _preference(picks: list[Pick]) -> tuple[float, float, list[str]]:
    # Rounded, so that sums in another order do not decide.
    value = round(sum(pick.score for pick in picks), 9)
    return -value, round(sum(pick.seconds for pick in picks), 9), [pick.loadable for pick in picks]


def _refused(
    candidate: Candidate, picks: list[Pick], budget: Budget, costs: Costs, seconds: float, form: Form | None
) -> Reason:
    if form not in {None, Form.CONTEXT}:
        return Reason.FORM
    used = sum(pick.tokens for pick in picks)
    spent = seconds + sum(pick.seconds for pick in picks)
    return _over(_context(candidate, costs), used, spent, budget) or Reason.NOT_CHOSEN
