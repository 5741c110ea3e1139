"""One check: a function that looks at AWS and says what it saw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from runbooks.verify.deployed import Deployed, NotFoundError


@dataclass(frozen=True, kw_only=True)
class Check:
    """What one check found.

    Attributes:
        group: `network`, `edge`, `compute`, `data` or `operations`.
        name: what is checked, as a sentence.
        passed: whether it is so.
        detail: the faults, or what was seen.
    """

    group: str
    name: str
    passed: bool
    detail: str


class Findings:
    """Collects what a check sees, and what is wrong with it."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.faults: list[str] = []

    def equal(self, what: str, actual: Any, wanted: Any) -> None:
        """Note a value, as a fault where it is not the wanted one."""
        if actual == wanted:
            self.seen.append(f"{what} {_text(actual)}")
        else:
            self.faults.append(f"{what} is {_text(actual)}, not {_text(wanted)}")

    def require(self, holds: object, fault: str) -> None:
        """Note a fault unless something holds."""
        if not holds:
            self.faults.append(fault)

    def saw(self, what: str) -> None:
        """Note what was seen."""
        self.seen.append(what)


CheckFunction = Callable[[Deployed, Findings], None]
"""A check; the first line of its docstring is its name."""


def _text(value: Any) -> str:
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(map(str, sorted(value, key=str))) or "none"
    return "none" if value is None or value == "" else str(value)


def run_check(group: str, function: CheckFunction, deployed: Deployed) -> Check:
    """Run one check; what it can't find, and what AWS refuses to tell, fails it."""
    findings = Findings()
    try:
        function(deployed, findings)
    except (NotFoundError, ClientError, BotoCoreError) as error:
        findings.faults.append(str(error))
    except LookupError as error:
        findings.faults.append(f"AWS's answer lacks {error}")
    return Check(
        group=group,
        name=(function.__doc__ or function.__name__).splitlines()[0].rstrip("."),
        passed=not findings.faults,
        detail="; ".join(findings.faults or findings.seen),
    )
