"""The mutation proof holds: every weakening is noticed by exactly the recorded rules, or argued in few words."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prod_infra.deployment.program.registration import Registration
from tests.policies import proof
from tests.policies.harmless import HARMLESS
from tests.policies.mutations import Mutation, mutations
from tests.policies.settings_changes import HARMLESS_SETTINGS, changes

Found = Sequence[tuple[Mutation, frozenset[str]]]

OUT_OF_DATE = "docs/policy-coverage.md is out of date: run `nox -s policy-proof`"
REPEATABLE = settings(derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@cache
def environment() -> tuple[Registration, ...]:
    """Return what the environment registers with production's defaults."""
    return proof.environment()


@pytest.fixture(scope="module")
def found() -> Found:
    """Every mutation of what is registered, with the rules that notice it."""
    return proof.kills(environment())


@cache
def recorded() -> Mapping[str, Mapping[tuple[str, str], Sequence[tuple[Sequence[str], str]]]]:
    """Return the committed report: by section, by place and mutation, whom it concerns and what is said."""
    sections: dict[str, dict[tuple[str, str], list[tuple[Sequence[str], str]]]] = defaultdict(lambda: defaultdict(list))
    section = ""
    for line in proof.REPORT.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        elif match := re.fullmatch(r"\| (.*) \| (.*) \| (.*) \|", line):
            place, _, names = match[1].partition(" of ")
            sections[section][place, match[2]].append((names.split(", ") if names else [], match[3]))
    return sections


def expected(mutation: Mutation) -> str:
    """Return the rules that the committed report promises, as it writes them; empty where it spares the mutation."""
    name = mutation.urn.rpartition("::")[2]
    for names, rules in recorded()["Noticed"].get(mutation.kind, ()):
        if not names or name in names:
            return rules
    spared = recorded()["Spared, and why"][mutation.kind]
    assert any(not names or name in names for names, _ in spared), OUT_OF_DATE
    return ""


def test_every_mutation_is_noticed_or_argued_and_no_excuse_is_stale(found: Found) -> None:
    """Each place of each resource is weakened once; an excuse that excuses nothing is a fault as well."""
    assert list(dict.fromkeys(proof.faults(found))) == []
    assert sum(bool(rules) for _, rules in found) > 1500


def test_the_committed_matrix_is_what_the_rules_say(found: Found) -> None:
    """A change of rules or of the environment shows in the matrix, for a reviewer to see."""
    assert "\n".join(proof.matrix(proof.findings(found))) in proof.REPORT.read_text(encoding="utf-8"), OUT_OF_DATE


def test_an_excuse_is_narrow() -> None:
    """It names one type in full, and a path in it: no excuse covers a whole resource."""
    for pattern, why in HARMLESS.items():
        assert re.match(r"[a-z0-9]+/\w+:\w+(\.[a-z][A-Za-z0-9]+| is not made)", pattern), pattern
        assert len(why) > 15, pattern
    assert all(len(why) > 15 for why in HARMLESS_SETTINGS.values())


@settings(REPEATABLE, max_examples=200)
@given(st.data())
def test_a_drawn_mutation_fires_exactly_the_recorded_rules(data: st.DataObject) -> None:
    """Any resource, any typed weakening of it: the rules that object are those of the committed matrix."""
    custom = [one for one in environment() if one.custom and one.type.startswith("aws:")]
    resource = data.draw(st.sampled_from(custom), label="resource")
    mutation = data.draw(st.sampled_from(possible()[resource.urn]), label="mutation")
    assert ", ".join(sorted(judge().fired(mutation))) == expected(mutation)


@settings(REPEATABLE, max_examples=10)
@given(st.sampled_from(changes()))
def test_a_drawn_setting_comes_to_what_is_recorded(change: dict[str, object]) -> None:
    """Any field of Settings, any typed change of it: refused, met by exactly the recorded rules, or argued."""
    outcome = proof.fired_by(change)
    assert recorded()["Settings"][outcome.name, outcome.value] == [([], outcome.verdict)], OUT_OF_DATE
    assert outcome.verdict


def test_every_change_of_settings_is_recorded_and_none_without_a_reason() -> None:
    """A new setting has to be proved too, and an excuse for one that is gone has to go."""
    lines = recorded()["Settings"]
    cells = {(name, json.dumps(value)) for change in changes() for name, value in change.items()}
    assert cells == lines.keys() - {("setting", "value"), ("---", "---")}, OUT_OF_DATE
    assert not [cell for cell in cells if "no reason" in lines[cell][0][1]]
    argued = {f"{name}={value}" for (name, value), ((_, said),) in lines.items() if said in HARMLESS_SETTINGS.values()}
    assert argued == HARMLESS_SETTINGS.keys()


@cache
def judge() -> proof.Judge:
    """Return what asks the rules about the environment."""
    return proof.Judge(environment())


@cache
def possible() -> Mapping[str, Sequence[Mutation]]:
    """Return every mutation, by the URN of its resource."""
    by_urn: dict[str, list[Mutation]] = defaultdict(list)
    for mutation in mutations(environment()):
        by_urn[mutation.urn].append(mutation)
    return by_urn
