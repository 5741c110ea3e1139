"""Weekly maintenance and daily backup windows: moto takes one that starts as the other ends for an overlap.

The rules are those of https://docs.aws.amazon.com/documentdb/latest/developerguide/API_CreateDBCluster.html.
"""

from __future__ import annotations

import re

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = 24 * 60
WEEK = 7 * DAY
LEAST = 30
MAINTENANCE = re.compile(r"(?P<d1>[a-z]{3}):(?P<t1>\d\d:\d\d)-(?P<d2>[a-z]{3}):(?P<t2>\d\d:\d\d)", re.IGNORECASE)
BACKUP = re.compile(r"(?P<t1>\d\d:\d\d)-(?P<t2>\d\d:\d\d)")


def _minutes(time: str) -> int:
    hours, minutes = time.split(":")
    if int(hours) > 23 or int(minutes) > 59:  # noqa: PLR2004  a clock's own numbers
        raise ValueError(time)
    return int(hours) * 60 + int(minutes)


def _span(window: str, pattern: re.Pattern[str], round_trip: int) -> tuple[int, int]:
    """Return start and length in minutes; one that ends before it starts goes on into the next day or week."""
    match = pattern.fullmatch(window)
    if match is None:
        raise ValueError(window)
    parts = match.groupdict()
    start, end = (DAYS.index(parts.get(f"d{n}", "mon").lower()) * DAY + _minutes(parts[f"t{n}"]) for n in (1, 2))
    return start, (end - start) % round_trip


def problem(maintenance: str, backup: str | None) -> str | None:
    """Return AWS's words for windows that can't be, or None.

    Args:
        maintenance: such as `sun:04:00-sun:05:00`, in UTC.
        backup: such as `03:00-04:00`, in UTC.
    """
    try:
        start, length = _span(maintenance, MAINTENANCE, WEEK)
        backup_start, backup_length = _span(backup, BACKUP, DAY) if backup else (0, LEAST)
    except ValueError as error:
        return (
            f"Invalid window: {error}. Should be ddd:hh24:mi-ddd:hh24:mi for maintenance, hh24:mi-hh24:mi for backups."
        )
    if not LEAST <= length < DAY:
        return "The maintenance window must be at least 30 minutes and less than 24 hours."
    if backup_length < LEAST:
        return "The backup window must be at least 30 minutes."
    # Neither may start, on any day, before the other ends.
    if backup and ((backup_start - start) % DAY < length or (start - backup_start) % DAY < backup_length):
        return "The backup window and maintenance window must not overlap."
    return None
