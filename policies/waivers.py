"""Accepted findings: reviewed data that expires, applied by the pack itself wherever it runs."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import yaml

from policies.rule import Rule

FILE: Final = Path(__file__).with_name("waivers.yaml")
FILE_VARIABLE: Final = "PROD_INFRA_WAIVERS"
"""Environment variable that names a project's own file; the gate sets it for the pack that it starts."""

LONGEST: Final = timedelta(days=90)
_SHORTEST_REASON: Final = 20
_SHORTEST_NAME: Final = 4
_KEYS: Final = ("rule", "urn", "reason", "owner", "ticket", "created", "expires")
_URN_PARTS: Final = 4


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """One accepted finding.

    Attributes:
        rule: the rule's id.
        urn: the resource's URN, in which `*` stands for anything.
        reason: why production is safe without it.
        owner: who answers for it.
        ticket: where it was decided.
        created: when it was decided.
        expires: its last day.
    """

    rule: str
    urn: str
    reason: str
    owner: str
    ticket: str
    created: date
    expires: date

    def matches(self, urn: str) -> bool:
        """Whether it is about the resource of this URN."""
        return re.fullmatch(".*".join(map(re.escape, self.urn.split("*"))), urn) is not None

    def __str__(self) -> str:
        return f"until {self.expires}, {self.ticket}, {self.owner}: {self.reason}"


def _breadth(pattern: str, rule: Rule) -> str:
    """Return what is too broad about a URN pattern; empty where nothing is."""
    parts = pattern.split("::")
    if len(parts) != _URN_PARTS or not parts[0].startswith("urn:pulumi:"):
        return "urn must have the form urn:pulumi:STACK::PROJECT::TYPE::NAME"
    if re.split(r"[$*]", parts[2])[-1] not in rule.on:
        return f"urn must end its types with one that the rule judges: {' or '.join(rule.on)}"
    if len(parts[3].rstrip("*")) < _SHORTEST_NAME or "*" in parts[3].rstrip("*"):
        return f"urn is overbroad: it must name the resource, at least the first {_SHORTEST_NAME} letters of its name"
    return ""


def _faults(entry: Mapping[str, Any], rules: Mapping[str, Rule], today: date) -> Iterator[str]:
    """Yield what is wrong with an entry."""
    missing = [key for key in _KEYS if not entry.get(key)]
    if missing:
        yield f"{', '.join(missing)} must be given"
    unknown = sorted(str(key) for key in entry.keys() - set(_KEYS))
    if unknown:
        yield f"{', '.join(unknown)}: there is no such key; an entry has {', '.join(_KEYS)}"
    if entry.get("reason") and len(str(entry["reason"]).strip()) < _SHORTEST_REASON:
        yield f"reason must be a sentence of at least {_SHORTEST_REASON} characters"
    yield from _misplaced(entry, rules)
    yield from _out_of_date(entry, today)


def _misplaced(entry: Mapping[str, Any], rules: Mapping[str, Rule]) -> Iterator[str]:
    if not entry.get("rule"):
        return
    rule = rules.get(str(entry["rule"]))
    if rule is None:
        yield "rule: the pack has no such rule"
    elif not rule.waivable:
        yield f"rule: {rule.id} is {rule.severity.value} and can't be waived"
    elif entry.get("urn") and (broad := _breadth(str(entry["urn"]), rule)):
        yield broad


def _out_of_date(entry: Mapping[str, Any], today: date) -> Iterator[str]:
    # YAML makes a date of YYYY-MM-DD; a time would be a datetime, which is a date as well.
    days = {key: entry[key] for key in ("created", "expires") if entry.get(key)}
    wrong = [key for key, day in days.items() if type(day) is not date]
    if wrong:
        yield f"{', '.join(wrong)} must be a day, as YYYY-MM-DD"
        return
    if "created" in days and days["created"] > today:
        yield "created lies in the future"
    if "expires" in days and days["expires"] < today:
        yield f"expired on {days['expires']}"
    if len(days) == 2 and days["expires"] - days["created"] > LONGEST:  # noqa: PLR2004  both are given
        yield f"expires must lie at most {LONGEST.days} days after created"


class Waivers:
    """The entries of one file that are in order, and what is wrong with the others.

    Args:
        entries: the file's entries.
        rules: the pack's rules.
        faults: what is wrong with the file itself.
        today: the day on which an entry must not have expired.
    """

    def __init__(
        self, entries: Sequence[Any], rules: Sequence[Rule], *, faults: Sequence[str] = (), today: date | None = None
    ) -> None:
        self.faults = list(faults)
        self._entries: list[Waiver] = []
        self._used: set[int] = set()
        self._waived = threading.local()
        day = today or datetime.now(UTC).date()
        by_id = {rule.id: rule for rule in rules}
        for index, entry in enumerate(entries):
            if not isinstance(entry, Mapping):
                self.faults.append(f"waivers[{index}] must be an object with {', '.join(_KEYS)}")
                continue
            found = list(_faults(entry, by_id, day))
            name = f"waivers[{index}] ({entry.get('rule', 'no rule')}, {entry.get('ticket', 'no ticket')})"
            self.faults += [f"{name}: {fault}" for fault in found]
            if not found:
                texts = {key: str(entry[key]).strip() for key in ("rule", "urn", "reason", "owner", "ticket")}
                self._entries.append(Waiver(**texts, created=entry["created"], expires=entry["expires"]))

    def _find(self, rule: str, urn: str) -> Waiver | None:
        for index, waiver in enumerate(self._entries):
            if waiver.rule == rule and waiver.matches(urn):
                self._used.add(index)
                return waiver
        return None

    def touch(self, rule: str, urn: str) -> None:
        """Note that a rule could not decide on a resource: a waiver of both is not stale."""
        self._find(rule, urn)

    def take(self, rule: str, urn: str, fault: str) -> bool:
        """Whether a fault is waived; if so, it is kept for `taken`."""
        waiver = self._find(rule, urn)
        if waiver is None:
            return False
        self._list().append((urn, f"waived: {rule}: {fault} ({waiver})"))
        return True

    def taken(self) -> list[tuple[str, str]]:
        """Return, once, URN and sentence of each fault waived since: one question is answered in one thread."""
        found = list(self._list())
        self._list().clear()
        return found

    def _list(self) -> list[tuple[str, str]]:
        if not hasattr(self._waived, "faults"):
            self._waived.faults = []
        faults: list[tuple[str, str]] = self._waived.faults
        return faults

    def stale(self) -> list[str]:
        """Return a sentence for each entry that no fault has needed; ask when every resource has been judged."""
        return [
            f"waiver of {waiver.rule} ({waiver.ticket}) is stale: nothing that it matches fails the rule; remove it"
            for index, waiver in enumerate(self._entries)
            if index not in self._used
        ]


def load(rules: Sequence[Rule], path: Path | None = None, *, today: date | None = None) -> Waivers:
    """Return the waivers of a file; whatever is wrong with it is a fault in the result, never an exception.

    Args:
        rules: the pack's rules.
        path: the file; where None, the one that `PROD_INFRA_WAIVERS` names, else the pack's own.
        today: the day on which an entry must not have expired.
    """
    file = path or Path(os.environ.get(FILE_VARIABLE) or FILE)
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        return Waivers((), rules, faults=[f"{file.name} can't be read ({type(error).__name__})"])
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        return Waivers((), rules, faults=[f"{file.name} is not YAML{where}"])
    if not isinstance(found, Mapping) or set(found) != {"waivers"} or not isinstance(found["waivers"] or [], list):
        return Waivers((), rules, faults=[f"{file.name} must hold one key, waivers, with a list"])
    return Waivers(found["waivers"] or [], rules, today=today)
