"""The guard around each rule: crashes and unknowns become named verdicts, and no value reaches a message."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pulumi_policy import PolicyResourceOptions, ResourceValidationArgs, ResourceValidationPolicy
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError, unknown_checking_proxy

from policies.checks import Props, all_of, any_of, at_least, equals, present
from policies.pack import policies
from policies.rule import ResourceRule, Verdict
from policies.rules import ALL_RULES
from policies.rules.data import DOCDB_BACKUPS
from tests.policies.examples import judge, registered

PLANTED = "hunter2-planted-secret"


def validate(rule: ResourceRule, props: dict[str, Any], config: dict[str, Any] | None = None) -> list[str]:
    """Return a rule's sentences, on properties as the SDK hands them over."""
    policy = policies([rule])[0]
    assert isinstance(policy, ResourceValidationPolicy)
    options = PolicyResourceOptions(False, [], None, [], None, [])  # type: ignore[arg-type]  # noqa: FBT003
    args = ResourceValidationArgs(rule.on[0], unknown_checking_proxy(props), "urn", "it", options, None, config)
    sentences: list[str] = []

    def report(message: str, _urn: str | None = None) -> None:
        sentences.append(message)

    policy.validate(args, report)
    return sentences


def crash(_: Props) -> Iterator[str]:
    """Raise with a value in the message, as a careless rule would."""
    raise KeyError(PLANTED)


def test_a_crash_is_a_named_violation_without_the_value() -> None:
    """The other rules go on, the reader learns where, and not what."""
    [sentence] = validate(replace(DOCDB_BACKUPS, check=crash), {"backupRetentionPeriod": 14})
    assert "crashed (KeyError at test_guard.py:" in sentence
    assert PLANTED not in sentence


def test_an_unknown_is_undecided_and_names_its_path() -> None:
    """Strict is the default."""
    assert validate(DOCDB_BACKUPS, {"backupRetentionPeriod": UNKNOWN_STRING_VALUE}) == [
        "undecided: AWS has yet to decide backupRetentionPeriod, and the rule reads it"
    ]


def test_without_strict_an_unknown_is_left_to_the_sdk() -> None:
    """The SDK then says itself, as an advisory, that it could not run the rule."""
    with pytest.raises(UnknownValueError):
        validate(DOCDB_BACKUPS, {"backupRetentionPeriod": UNKNOWN_STRING_VALUE}, {"strict": False})


def test_an_unknown_does_not_hide_another_checks_fault() -> None:
    """all_of runs every check before it gives up."""
    rule = replace(DOCDB_BACKUPS, check=all_of(at_least("a", 1), equals("b", expected=True)))
    assert validate(rule, {"a": UNKNOWN_STRING_VALUE, "b": False}) == [
        "b is false; it must be true",
        "undecided: AWS has yet to decide a, and the rule reads it",
    ]


def test_any_of_passes_beside_an_unknown() -> None:
    """One check that passes is enough, whatever the other would say."""
    rule = replace(DOCDB_BACKUPS, check=any_of(at_least("a", 1), equals("b", expected=True)))
    assert validate(rule, {"a": UNKNOWN_STRING_VALUE, "b": True}) == []


def test_a_given_unknown_is_present() -> None:
    """present() asks whether, not what."""
    assert validate(replace(DOCDB_BACKUPS, check=present("a.b")), {"a": {"b": UNKNOWN_STRING_VALUE}}) == []


@pytest.mark.parametrize("value", ["13", 13, 13.0, 0, True, "many", [14], {"days": 14}], ids=repr)
def test_a_number_below_the_floor_fails_in_any_guise(value: object) -> None:
    """Numerals count as numbers; what is neither fails."""
    assert validate(DOCDB_BACKUPS, {"backupRetentionPeriod": value})


@pytest.mark.parametrize("value", ["14", 14, 14.0, 35], ids=repr)
def test_a_number_at_the_floor_passes_in_any_guise(value: object) -> None:
    """The engine sends floats."""
    assert validate(DOCDB_BACKUPS, {"backupRetentionPeriod": value}) == []


def planted(value: Any) -> Any:
    """Return `value` with the secret in place of every string, in keys' places as well as in JSON."""
    if isinstance(value, dict):
        return {key: planted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [planted(item) for item in value]
    return PLANTED if isinstance(value, str) else value


@pytest.mark.parametrize("rule", ALL_RULES, ids=[rule.id for rule in ALL_RULES])
def test_no_message_shows_a_value(rule: ResourceRule) -> None:
    """Whatever string a rule meets, in whatever place, its messages don't repeat it."""
    for case in rule.cases:
        stack = tuple(replace(node, props=planted(dict(node.props))) for node in case.stack)
        _, sentences = judge(rule, replace(case, stack=stack))
        assert not any(PLANTED in sentence for sentence in sentences)


def test_a_plaintext_secret_is_found_and_not_shown() -> None:
    """The rule that reads the environment of containers says where, not what."""
    rule = next(rule for rule in ALL_RULES if rule.id == "task-no-plaintext-secret")
    assert isinstance(rule, ResourceRule)
    case = next(case for case in rule.cases if case.kind == "fails")
    text = case.stack[0].props["containerDefinitions"].replace('"x"', f'"{PLANTED}"')
    stack = (replace(case.stack[0], props={"containerDefinitions": text}),)
    verdict, [sentence] = judge(rule, replace(case, stack=stack))
    assert verdict is Verdict.FAIL
    assert "environment[0]" in sentence
    assert PLANTED not in sentence
    assert registered(stack)
