"""The harness gives a rule what the real server gives it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from prod_infra.errors import InvalidInputError
from prod_infra.testing import UNKNOWN, PackUnderTest, pack, resource

PROGRAM = """
from pulumi_policy import EnforcementLevel, PolicyConfigSchema, PolicyPack, ResourceValidationPolicy

def kinds(args, report):
    report(f"{type(args.props['days']).__name__} {isinstance(args.props['list'], list)} {args.get_config()['limit']}")

def reads(args, report):
    report(str(args.props["unknown"]))

schema = PolicyConfigSchema(properties={"limit": {"type": "number", "default": 7}})
PolicyPack("p", [
    ResourceValidationPolicy("kinds", "Kinds.", kinds, EnforcementLevel.MANDATORY, schema),
    ResourceValidationPolicy("reads", "Reads.", reads, EnforcementLevel.MANDATORY),
])
"""


@pytest.fixture(scope="module")
def tester(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PackUnderTest]:
    """A pack that says what it is given."""
    folder = tmp_path_factory.mktemp("pack")
    (folder / "PulumiPolicy.yaml").write_text("runtime: python\nversion: 1.0.0\n", encoding="utf-8")
    (folder / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    with pack(Path(folder)) as running:
        yield running


EXAMPLE = resource("aws:s3/bucket:Bucket", {"days": 14, "list": ["a"], "unknown": UNKNOWN})


def test_numbers_are_floats_lists_are_proxies_and_defaults_are_there(tester: PackUnderTest) -> None:
    """What plain dicts would hide."""
    assert tester.judge("kinds", EXAMPLE).messages == ("float False 7.0",)


def test_configuration_reaches_the_rule(tester: PackUnderTest) -> None:
    """As the engine would send it."""
    assert tester.judge("kinds", EXAMPLE, config={"limit": 9}).messages == ("float False 9.0",)


def test_reading_an_unknown_is_undecided(tester: PackUnderTest) -> None:
    """The SDK aborts the rule; that is no pass."""
    verdict = tester.judge("reads", EXAMPLE)
    assert verdict.undecided
    assert not verdict.passed


def test_a_rule_that_there_is_not_is_an_error(tester: PackUnderTest) -> None:
    """A misspelt name must not pass."""
    with pytest.raises(InvalidInputError, match="no rule raeds"):
        tester.judge("raeds", EXAMPLE)


def test_the_shipped_pack_in_three_lines() -> None:
    """As the documentation shows it."""
    with pack() as shipped:
        verdict = shipped.judge(
            "docdb-backup-retention", resource("aws:docdb/cluster:Cluster", {"backupRetentionPeriod": 7})
        )
        assert verdict.failed
