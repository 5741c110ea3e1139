"""A verdict as people and other tools read it. No form of it holds a property value: findings never do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from xml.etree import ElementTree as ET

from rich.console import Console
from rich.text import Text

from prod_infra.deployment.policy.findings import Finding
from prod_infra.deployment.policy.verdict import Outcome, RuleInfo, Verdict

_TOOL: Final = "prod-infra"
_SARIF_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_SARIF_LEVELS: Final = {"mandatory": "error", "advisory": "warning", "waived": "warning"}
# What GitHub's code scanning sorts by: https://docs.github.com/en/code-security/reference/code-scanning/sarif-files.
_SECURITY_SEVERITY: Final = {"low": "3.0", "medium": "5.0", "high": "8.0", "critical": "9.5"}
_GITHUB_COMMANDS: Final = {"mandatory": "error", "advisory": "warning", "waived": "notice"}


def _place(source: str) -> tuple[str, int] | None:
    """Return file and line of a `file:line`; None where there is none."""
    file, _, line = source.rpartition(":")
    return (file, int(line)) if file and line.isdigit() else None


def _name(urn: str) -> str:
    return urn.rpartition("::")[2] or "the stack"


def _lines(finding: Finding) -> Iterator[str]:
    """Yield what a reader needs, a sentence a line."""
    yield f"{_name(finding.urn)}: {finding.message}"
    if finding.waiver:
        yield f"Waived {finding.waiver}"
    if finding.fix:
        yield finding.fix


def as_json(verdict: Verdict) -> str:
    """Return everything: counts, outcomes by rule, findings, what was deferred, disabled or lowered."""
    report: dict[str, Any] = {
        "passed": verdict.passed,
        "counts": verdict.counts,
        "seconds": round(verdict.seconds, 3),
        "findings": [{**asdict(finding), "blocks": finding.level == "mandatory"} for finding in verdict.findings],
        "rules": [{**asdict(rule), "outcomes": dict(verdict.tally[rule.id])} for rule in verdict.rule_infos],
        "deferred": dict(verdict.deferred),
        "disabled": list(verdict.disabled),
        "lowered": list(verdict.lowered),
        "unjudged": list(verdict.unjudged),
    }
    return json.dumps(report, indent=2)


def _sarif_rule(rule: RuleInfo) -> dict[str, Any]:
    properties: dict[str, Any] = {"tags": ["security", *rule.tags]}
    if rule.severity:
        properties |= {"severity": rule.severity, "security-severity": _SECURITY_SEVERITY[rule.severity]}
    found: dict[str, Any] = {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.description},
        "properties": properties,
    }
    if rule.fix:
        found["help"] = {"text": rule.fix}
    if rule.url:
        found["helpUri"] = rule.url
    return found


def _sarif_result(finding: Finding, places: Mapping[str, int]) -> dict[str, Any]:
    location: dict[str, Any] = {
        "logicalLocations": [{"fullyQualifiedName": finding.urn or "stack", "name": _name(finding.urn)}]
    }
    place = _place(finding.source)
    if place:
        file, line = place
        uri = Path(file).as_uri() if Path(file).is_absolute() else quote(file)
        location["physicalLocation"] = {"artifactLocation": {"uri": uri}, "region": {"startLine": line}}
    is_open = finding.undecided and finding.level != "mandatory"
    found: dict[str, Any] = {
        "ruleId": finding.rule,
        # SARIF: what is not a failure has no level; what blocks is one, decided or not.
        "level": "none" if is_open else _SARIF_LEVELS.get(finding.level, "note"),
        "kind": "open" if is_open else "fail",
        "message": {"text": "\n".join(_lines(finding))},
        "locations": [location],
        "partialFingerprints": {"ruleAndResource/v1": f"{finding.rule}|{finding.urn}"},
        "properties": {"enforcement": finding.level, "undecided": finding.undecided},
    }
    if finding.rule in places:
        found["ruleIndex"] = places[finding.rule]
    if finding.waiver:
        found["suppressions"] = [{"kind": "external", "status": "accepted", "justification": finding.waiver}]
    return found


def sarif(verdict: Verdict) -> str:
    """Return a SARIF 2.1.0 log: one run with every rule and a result for each finding, waived ones suppressed."""
    rules = [_sarif_rule(rule) for rule in verdict.rule_infos]
    places = {rule["id"]: index for index, rule in enumerate(rules)}
    driver = {"name": _TOOL, "version": version(_TOOL), "rules": rules}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(finding, places) for finding in verdict.findings],
        "invocations": [{"executionSuccessful": True, "properties": {"counts": verdict.counts}}],
    }
    return json.dumps({"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def junit(verdict: Verdict) -> str:
    """Return JUnit XML: a test case for each rule; it fails on what blocks and is skipped where it judged nothing."""
    cases = []
    for rule in verdict.rule_infos:
        case = ET.Element("testcase", classname="policy", name=rule.id)
        own = [finding for finding in verdict.findings if finding.rule == rule.id]
        blocking = [finding for finding in own if finding.level == "mandatory"]
        if blocking:
            failure = ET.SubElement(case, "failure", message=f"{rule.title}: {len(blocking)} findings")
            failure.text = "\n".join(f"{finding.source} {' '.join(_lines(finding))}".strip() for finding in blocking)
        elif not any(verdict.tally[rule.id].get(o) for o in (Outcome.PASSED, Outcome.FAILED, Outcome.WAIVED)):
            ET.SubElement(case, "skipped", message=verdict.deferred.get(rule.id, "it judges no resource here"))
        others = [finding for finding in own if finding.level != "mandatory"]
        if others:
            ET.SubElement(case, "system-out").text = "\n".join(f"{f.level}: {' '.join(_lines(f))}" for f in others)
        cases.append(case)
    known = {rule.id for rule in verdict.rule_infos}
    for finding in verdict.violations:
        if finding.rule not in known:
            case = ET.Element("testcase", classname="policy", name=finding.rule)
            ET.SubElement(case, "failure", message=finding.message)
            cases.append(case)
    failures = sum(case.find("failure") is not None for case in cases)
    skipped = sum(case.find("skipped") is not None for case in cases)
    suite = ET.Element(
        "testsuite",
        name=f"{_TOOL} policy",
        tests=str(len(cases)),
        failures=str(failures),
        errors="0",
        skipped=str(skipped),
        time=f"{verdict.seconds:.3f}",
    )
    suite.extend(cases)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suite, encoding="unicode")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "<br>")


def markdown(verdict: Verdict) -> str:
    """Return a summary for a pull request: the counts, then a row for each finding."""
    counts = verdict.counts
    lines = [
        f"## Policy: {'passed' if verdict.passed else 'blocked'}",
        "",
        f"| {' | '.join(counts)} |",
        f"|{' ---: |' * len(counts)}",
        f"| {' | '.join(map(str, counts.values()))} |",
    ]
    if verdict.findings:
        lines += ["", "| rule | level | severity | resource | what | where |", "| --- | --- | --- | --- | --- | --- |"]
        for finding in verdict.findings:
            words = "\n".join((finding.message, *([f"waived {finding.waiver}"] if finding.waiver else ()), finding.fix))
            rule = f"[{finding.rule}]({finding.url})" if finding.url else finding.rule
            cells = (rule, finding.level, finding.severity, _name(finding.urn), words, finding.source)
            lines.append(f"| {' | '.join(map(_cell, cells))} |")
    for what, rules in (("Disabled", verdict.disabled), ("Advisory or not strict", verdict.lowered)):
        if rules:
            lines += ["", f"{what} by configuration: {', '.join(rules)}."]
    if verdict.unjudged:
        lines += ["", "No rule judges:", "", *(f"- {_cell(urn)}" for urn in verdict.unjudged)]
    if verdict.deferred:
        lines += ["", "Decided in `up`:", ""]
        lines += [f"- {rule}: {reason}" for rule, reason in verdict.deferred.items()]
    return "\n".join(lines)


def _escaped(text: str, *, in_property: bool = False) -> str:
    """Escape for a workflow command of GitHub Actions."""
    for character, code in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A")):
        text = text.replace(character, code)
    return text.replace(":", "%3A").replace(",", "%2C") if in_property else text


def github(verdict: Verdict) -> str:
    """Return GitHub Actions annotations, one line each, then one with the counts."""
    lines = []
    for finding in verdict.findings:
        properties = {"title": f"{finding.rule} ({finding.severity})" if finding.severity else finding.rule}
        place = _place(finding.source)
        if place:
            properties = {"file": place[0], "line": str(place[1]), **properties}
        shown = ",".join(f"{key}={_escaped(value, in_property=True)}" for key, value in properties.items())
        command = _GITHUB_COMMANDS.get(finding.level, "notice")
        lines.append(f"::{command} {shown}::{_escaped(chr(10).join(_lines(finding)))}")
    counts = ", ".join(f"{number} {name}" for name, number in verdict.counts.items())
    lines += [f"::warning title=no rule judges::{_escaped(urn)}" for urn in verdict.unjudged]
    lines.append(f"::notice title=policy {'passed' if verdict.passed else 'blocked'}::{counts}")
    return "\n".join(lines)


FORMATS: Final[Mapping[str, Callable[[Verdict], str]]] = {
    "json": as_json,
    "sarif": sarif,
    "junit": junit,
    "markdown": markdown,
    "github": github,
}
"""Writer by the name of its format; a terminal gets `render`'s paragraphs."""


def render(verdict: Verdict, console: Console) -> None:
    """Print a paragraph for each finding, then a line of counts; what did not run is said too."""
    for finding in verdict.findings:
        style = "bold red" if finding.level == "mandatory" else "bold yellow"
        kind = ", ".join(filter(None, (finding.level, finding.severity)))
        resource = finding.urn.rpartition("::")[2] or "the stack"
        lines = [
            finding.message,
            f"waived {finding.waiver}" if finding.waiver else "",
            f"fix: {finding.fix}" if finding.fix else "",
            finding.source,
        ]
        console.print(Text.assemble((finding.rule, style), "  ", (resource, "bold"), f"  {kind}"), soft_wrap=True)
        for line in filter(None, lines):
            console.print(Text(f"    {line}"), soft_wrap=True)
    for reason in dict.fromkeys(verdict.deferred.values()):
        waiting = ", ".join(rule for rule, why in verdict.deferred.items() if why == reason)
        console.print(Text(f"decided in `up`: {waiting}: {reason}", style="dim"), soft_wrap=True)
    for what, rules in (("disabled", verdict.disabled), ("advisory or not strict", verdict.lowered)):
        if rules:
            console.print(Text(f"{what} by configuration: {', '.join(rules)}", style="yellow"), soft_wrap=True)
    if verdict.unjudged:
        names = ", ".join(urn.split("::", 2)[2] for urn in verdict.unjudged)
        console.print(Text(f"no rule judges: {names}", style="yellow"), soft_wrap=True)
    console.print(
        Text(
            f"policy: {'passed' if verdict.passed else 'blocked'}: "
            + ", ".join(f"{number} {name}" for name, number in verdict.counts.items())
            + f" in {verdict.seconds:.1f} s",
            style="bold green" if verdict.passed else "bold red",
        ),
        soft_wrap=True,
    )
