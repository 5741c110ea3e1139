"""The rules as documents: the README, and for each standard which control is asked by which rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from policies.checks import show
from policies.not_covered import NOT_COVERED
from policies.rule import CHECKOV, CIS_5, CIS_7, FSBP, SECURITY_HUB, WELL_ARCHITECTED, ResourceRule, Rule
from policies.rules import ALL_RULES

FRAMEWORKS: Final[Mapping[str, tuple[str, ...]]] = {
    "fsbp": (FSBP, SECURITY_HUB),
    "cis": (CIS_5, CIS_7),
    "wa": (WELL_ARCHITECTED,),
    "checkov": (CHECKOV,),
}
"""Standards by the name that the command line takes."""


@dataclass(frozen=True)
class _Control:
    standard: str
    id: str
    rules: tuple[str, ...]
    why_not: str = ""


def _order(control: str) -> tuple[str, tuple[int, ...]]:
    digits = "".join(letter if letter.isdigit() else " " for letter in control).split()
    return "".join(letter for letter in control if not letter.isdigit()), tuple(map(int, digits))


def _controls(standard: str) -> Iterator[_Control]:
    asked: dict[str, list[str]] = {}
    for rule in ALL_RULES:
        for control in rule.controls.get(standard, ()):
            asked.setdefault(control, []).append(rule.id)
    reasons = {control: gap.reason for gap in NOT_COVERED for control in gap.controls.get(standard, ())}
    for control in sorted({*asked, *reasons}, key=_order):
        yield _Control(standard, control, tuple(asked.get(control, ())), reasons.get(control, ""))


def matrix(framework: str) -> list[dict[str, Any]]:
    """Return one row for each control of a framework: `standard`, `control`, `rules` and `why_not`."""
    return [
        {"standard": found.standard, "control": found.id, "rules": list(found.rules), "why_not": found.why_not}
        for standard in FRAMEWORKS[framework]
        for found in _controls(standard)
    ]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _rule(rule: Rule) -> Iterator[str]:
    yield f"### {rule.id}"
    yield ""
    yield f"{rule.title}. {rule.why}"
    yield ""
    yield f"- Severity: {rule.severity.value}{'' if rule.waivable else '; can not be waived'}"
    yield f"- Judges: {', '.join(f'`{token}`' for token in rule.on)}"
    yield f"- Reads: {', '.join(f'`{key}`' for key in rule.keys)}"
    yield f"- Where `{rule.keys[0]}` is absent: {rule.absent.means} ({'passes' if rule.absent.passes else 'fails'})"
    if rule.deferred:
        yield f"- May wait for `up`: {rule.deferred}"
    if isinstance(rule, ResourceRule) and rule.threshold:
        bound = "at most" if rule.threshold.at_most else "at least"
        yield f"- Threshold: `{rule.threshold.name}`, {bound} {show(rule.threshold.floor)}; may only be made stricter"
    yield f"- Fix: {rule.fix}"
    yield "- Controls: " + "; ".join(f"{standard}: {', '.join(ids)}" for standard, ids in rule.controls.items())
    yield f"- More: <{rule.url}>"
    yield ""


def readme() -> str:
    """Return the README of the pack."""
    lines = [
        "# The policy pack",
        "",
        "Written by `prod-infra policy docs` from the rules in `policies/rules`; a test compares them.",
        "",
        f"{len(ALL_RULES)} rules, all mandatory, all strict: a value that AWS has yet to decide never passes.",
        "Waivers are in [waivers.yaml](waivers.yaml), which says how one is written.",
        "",
        _row(("rule", "severity", "what holds")),
        _row(("---", "---", "---")),
        *(_row((f"[{rule.id}](#{rule.id})", rule.severity.value, rule.title)) for rule in ALL_RULES),
        "",
        "## What the pack does not ask, and why",
        "",
        _row(("what", "controls", "why not")),
        _row(("---", "---", "---")),
        *(
            _row((gap.what, "; ".join(f"{name}: {', '.join(ids)}" for name, ids in gap.controls.items()), gap.reason))
            for gap in NOT_COVERED
        ),
        "",
        "## The rules",
        "",
        *(line for rule in ALL_RULES for line in _rule(rule)),
    ]
    return "\n".join(lines).rstrip() + "\n"
