# SPDX-License-Identifier: Apache-2.0
"""The scheduler: which loadables to load for one generation, in which form, under a budget."""

from memwalk.schedule._budget import Budget
from memwalk.schedule._explain import explain_plan
from memwalk.schedule._plan import Candidate, Form, Pick, Plan, Reason, Refusal, make_plan

__all__ = ["Budget", "Candidate", "Form", "Pick", "Plan", "Reason", "Refusal", "explain_plan", "make_plan"]
