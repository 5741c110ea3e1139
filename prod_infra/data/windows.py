"""DocumentDB's daily backup and weekly maintenance windows, in UTC."""

from __future__ import annotations

import re
from typing import Final

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MINUTES: Final = 24 * 60
_WEEK_MINUTES: Final = 7 * _DAY_MINUTES
_TIME: Final = r"([01]\d|2[0-3]):([0-5]\d)"
_BACKUP: Final = re.compile(rf"{_TIME}-{_TIME}")
_MAINTENANCE: Final = re.compile(rf"({'|'.join(_DAYS)}):{_TIME}-({'|'.join(_DAYS)}):{_TIME}")

SHORTEST_MINUTES: Final = 30
"""AWS refuses a shorter window (DocumentDB API, `CreateDBCluster`)."""


def backup_minutes(window: str) -> range:
    """Return the minutes of the day that a backup window covers; past 1440 it runs over midnight.

    Args:
        window: such as `03:00-04:00`.

    Raises:
        ValueError: it is malformed or under 30 minutes.
    """
    match = _BACKUP.fullmatch(window)
    if match is None:
        raise ValueError("must look like 03:00-04:00, in UTC")
    hours = [int(text) for text in match.groups()]
    return _span(hours[0] * 60 + hours[1], hours[2] * 60 + hours[3], _DAY_MINUTES)


def maintenance_minutes(window: str) -> range:
    """Return the minutes of the week, from Monday 00:00, that a maintenance window covers.

    Args:
        window: such as `sun:04:00-sun:05:00`.

    Raises:
        ValueError: it is malformed, under 30 minutes or 24 hours and longer.
    """
    match = _MAINTENANCE.fullmatch(window)
    if match is None:
        raise ValueError("must look like sun:04:00-sun:05:00, in UTC")
    ends = [
        _DAYS.index(day) * _DAY_MINUTES + int(hour) * 60 + int(minute)
        for day, hour, minute in (match.groups()[:3], match.groups()[3:])
    ]
    minutes = _span(ends[0], ends[1], _WEEK_MINUTES)
    if len(minutes) >= _DAY_MINUTES:
        raise ValueError("must be shorter than 24 hours")
    return minutes


def _span(start: int, end: int, period: int) -> range:
    length = (end - start) % period
    if length < SHORTEST_MINUTES:
        raise ValueError(f"must be {SHORTEST_MINUTES} minutes or longer")
    return range(start, start + length)


def windows_overlap(backup: str, maintenance: str) -> bool:
    """Return whether a backup of any day would fall into the maintenance window, which AWS refuses."""
    daily, weekly = backup_minutes(backup), maintenance_minutes(maintenance)
    busy = {minute % _WEEK_MINUTES for minute in weekly}
    return any((day * _DAY_MINUTES + minute) % _WEEK_MINUTES in busy for day in range(7) for minute in daily)
