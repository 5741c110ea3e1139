"""Fills the templates. Every value is escaped: what a parameter or an error says is text, never markup."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def _templates() -> Environment:
    found = Environment(
        loader=PackageLoader("runbooks.records.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {"moment": moment, "seconds": seconds, "compact": compact}
    return found


def moment(value: datetime | None) -> str:
    """Return a time as `2026-03-01 12:00:00 UTC`; a dash where there is none."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if value else "—"


def seconds(value: float | None) -> str:
    """Return a duration as `2.4 s`, or from ten minutes on as `12 min 5 s`; a dash where there is none."""
    if value is None:
        return "—"
    if value < 600:  # noqa: PLR2004  ten minutes
        return f"{value:.1f} s" if value >= 0.1 else f"{value:.2f} s"  # noqa: PLR2004  a tenth
    return f"{value // 60:.0f} min {value % 60:.0f} s"


def compact(value: Any) -> str:
    """Return text as it is and anything else as JSON; a line break is allowed after each comma."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def render(template: str, **values: Any) -> str:
    """Return a page.

    Args:
        template: file name in `templates/`.
        values: what it names.
    """
    return _templates().get_template(template).render(**values)
