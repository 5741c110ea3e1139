"""Every rule proves itself on its own examples, asked as the SDK's server asks it."""

from __future__ import annotations

import pytest

from policies.rule import Rule
from policies.rules import ALL_RULES
from tests.policies.examples import judge


@pytest.mark.parametrize("rule", ALL_RULES, ids=[rule.id for rule in ALL_RULES])
def test_a_rule_judges_its_examples_as_it_says(rule: Rule) -> None:
    """What passes, fails, lacks the key or is unknown gets the verdict that the rule states, on every type token."""
    for index, case in enumerate(rule.cases):
        verdict, sentences = judge(rule, case)
        assert verdict == case.verdict, (case.kind, index, case.stack, sentences)
