# SPDX-License-Identifier: Apache-2.0
"""The plan against brute force, and its rules one by one."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memwalk.errors import InvalidArgument
from memwalk.runtime import Costs
from memwalk.schedule import Budget, Candidate, Form, Plan, Reason, make_plan
from memwalk.units import Loadable, UnitRef

COSTS = Costs(
    prefill_seconds_per_token=0.01,
    decode_seconds_per_token=0.05,
    kv_load_seconds_per_token=0.0001,
    kv_bytes_per_token=46_080,
    attach_seconds=0.2,
)
PRINT = "f" * 64


def candidate(number: int, score: float = 1.0, tokens: int = 100, space: str = "default") -> Candidate:
    """A passage the walk found."""
    return Candidate(UnitRef(f"u{number}", 1), f"name {number}", space, score, tokens)


def loadable(kind: str, *numbers: int, tokens: int = 0, **changes: object) -> Loadable:
    """A KV block or adapter over passages."""
    values: dict[str, object] = {
        "id": f"{kind}-{'-'.join(map(str, numbers))}",
        "kind": kind,
        "name": kind,
        "space": "default",
        "seq": 1,
        "payload": "p",
        "fingerprint": PRINT,
        "adapters": "",
        "tokens": tokens,
        "bytes": 1,
        "sources": tuple(UnitRef(f"u{n}", 1) for n in numbers),
        "fresh": True,
        **changes,
    }
    return Loadable(**values)  # type: ignore[arg-type]


def planned(candidates: list[Candidate], loadables: list[Loadable], budget: Budget, **options: object) -> Plan:
    """A plan with the costs of this module."""
    return make_plan(
        "q",
        candidates,
        loadables,
        budget,
        COSTS,
        fingerprint=PRINT,
        fixed_tokens=10,
        **options,  # type: ignore[arg-type]
    )


def reasons(plan: Plan) -> dict[str, Reason]:
    """Reason by loadable."""
    return {refusal.loadable: refusal.reason for refusal in plan.refusals}


ITEMS = st.lists(st.tuples(st.floats(0.01, 1.0), st.integers(1, 60)), min_size=1, max_size=7)


@given(ITEMS, st.integers(0, 120))
def test_within_twice_of_the_best_and_never_over(items: list[tuple[float, int]], tokens: int) -> None:
    """Worth at least half of what brute force finds, each unit at most once, never over the budget."""
    candidates = [candidate(i, score, size) for i, (score, size) in enumerate(items)]
    plan = planned(candidates, [], Budget(tokens=tokens))
    best = max(
        sum(c.score for c in chosen)
        for size in range(len(candidates) + 1)
        for chosen in combinations(candidates, size)
        if sum(c.tokens for c in chosen) <= tokens
    )
    worth = sum(pick.score for pick in plan.picks)
    assert worth >= best / 2 - 1e-9
    assert plan.tokens <= tokens
    assert len(set(plan.units)) == len(plan.units)
    assert {p.loadable for p in plan.picks} | set(reasons(plan)) == {c.ref.id for c in candidates}


@given(ITEMS, st.integers(0, 120), st.randoms())
def test_order_of_loadables_does_not_matter(items: list[tuple[float, int]], tokens: int, random: object) -> None:
    """Ties are broken by stable keys, never by arrival."""
    candidates = [candidate(i, score, size) for i, (score, size) in enumerate(items)]
    loadables = [loadable("KVBlock", i, tokens=size) for i, (_, size) in enumerate(items)]
    shuffled = list(loadables)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = (planned(candidates, order, Budget(tokens=tokens)) for order in (loadables, shuffled))
    assert one.picks == other.picks


def test_kv_wins_where_it_saves_time() -> None:
    """The same units as KV are worth the same and cost less time; context follows the prefix."""
    plan = planned(
        [candidate(1), candidate(2), candidate(3)], [loadable("KVBlock", 1, 3, tokens=200)], Budget(tokens=300)
    )
    assert [(p.form, len(p.units)) for p in plan.picks] == [(Form.KV, 2), (Form.CONTEXT, 1)]


def test_adapter_serves_where_no_text_fits() -> None:
    """With no tokens for text an adapter is what can be loaded; with room, text is worth more."""
    adapter = loadable("Adapter", 1)
    assert [p.form for p in planned([candidate(1)], [adapter], Budget(tokens=0)).picks] == [Form.ADAPTER]
    plan = planned([candidate(1)], [adapter], Budget(tokens=500))
    assert [p.form for p in plan.picks] == [Form.CONTEXT]
    assert reasons(plan)[adapter.id] is Reason.NOT_CHOSEN


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"fresh": False}, Reason.STALE),
        ({"fingerprint": "other"}, Reason.FINGERPRINT),
        ({"adapters": "some adapter"}, Reason.FINGERPRINT),
        ({"tokens": 900}, Reason.BUDGET_TOKENS),
        ({"sources": (UnitRef("elsewhere", 1),)}, Reason.REDUNDANT),
        ({"sources": (UnitRef("u1", 2),)}, Reason.REDUNDANT),
    ],
)
def test_unfit_kv_is_refused(changes: dict[str, object], reason: Reason) -> None:
    """Stale, of another model, too big, or about something else: each refused with its reason."""
    block = loadable("KVBlock", 1, **{"tokens": 100, **changes})  # type: ignore[arg-type]
    plan = planned([candidate(1)], [block], Budget(tokens=300))
    assert reasons(plan)[block.id] is reason
    assert [p.form for p in plan.picks] == [Form.CONTEXT]


def test_forced_form() -> None:
    """A forced form loads nothing in another."""
    everything = [loadable("KVBlock", 1, tokens=100), loadable("Adapter", 1)]
    for form in Form:
        plan = planned([candidate(1), candidate(2)], everything, Budget(tokens=300), form=form)
        assert {p.form for p in plan.picks} == {form}
    assert planned([candidate(1)], [], Budget(), form=Form.KV).picks == ()


def test_time_budget() -> None:
    """What would come too late is left out, and said so."""
    plan = planned([candidate(1), candidate(2, 0.5)], [], Budget(tokens=900, seconds=1.2))
    assert [p.loadable for p in plan.picks] == ["u1"]
    assert reasons(plan) == {"u2": Reason.BUDGET_SECONDS}
    assert plan.seconds <= 1.2


def test_remote_leaves_local_only_spaces_out() -> None:
    """A remote plan has nothing that is local-only and no tensors."""
    plan = planned(
        [candidate(1), candidate(2)],
        [loadable("KVBlock", 2, tokens=100)],
        Budget(),
        local_only=["u1"],
        remote=True,
    )
    assert [(p.form, p.loadable) for p in plan.picks] == [(Form.CONTEXT, "u2")]
    assert reasons(plan)["u1"] is Reason.LOCAL_ONLY


def test_budget_is_checked() -> None:
    """A budget below nothing has no meaning."""
    with pytest.raises(InvalidArgument):
        Budget(tokens=-1)
    with pytest.raises(InvalidArgument):
        Budget(seconds=0)


def test_explained_in_words() -> None:
    """The explanation names each pick and each refusal."""
    plan = planned([candidate(1), candidate(2)], [], Budget(tokens=100))
    text = plan.explain()
    assert "1 picks, 100 of 100 tokens" in text
    assert "name 1" in text
    assert Reason.BUDGET_TOKENS.value in text
