"""Shows checks as they come, and puts them into the record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from runbooks.core.results import publish
from runbooks.verify import Check


def show_checks(console: Console, section: str, checks: Iterable[Check]) -> list[Check]:
    """Print each check, publish all as a section of the record, and return those that failed."""
    shown: list[Check] = []
    for check in checks:
        shown.append(check)
        sign, style = ("✓", "green") if check.passed else ("✗", "bold red")
        line = Text.assemble((f"{sign} ", style), (f"{check.group:<10} ", "dim"), check.name)
        if not check.passed:
            line.append(f": {check.detail}", style="red")
        console.print(line, soft_wrap=True)
    failed = [check for check in shown if not check.passed]
    console.print(Text(f"{len(shown) - len(failed)} of {len(shown)} checks passed", style="bold"))
    publish(section, {"checks": [asdict(check) for check in shown]})
    return failed
