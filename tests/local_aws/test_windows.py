"""Maintenance and backup windows: which pairs AWS takes."""

from __future__ import annotations

import pytest

from prod_infra.local_aws.docdb.windows import problem


@pytest.mark.parametrize(
    ("maintenance", "backup"),
    [
        ("sun:04:00-sun:05:00", "03:00-04:00"),
        ("sun:04:00-sun:05:00", "05:00-05:30"),
        ("sun:23:45-mon:00:15", "00:15-01:00"),
        ("Sun:04:00-Sun:05:00", None),
    ],
)
def test_windows_that_touch_or_lie_apart_are_taken(maintenance: str, backup: str | None) -> None:
    """One may start as the other ends, over midnight and the week's end too."""
    assert problem(maintenance, backup) is None


@pytest.mark.parametrize(
    ("maintenance", "backup", "words"),
    [
        ("sun:04:00-sun:05:00", "04:59-05:59", "must not overlap"),
        ("sun:04:00-sun:05:00", "03:00-04:01", "must not overlap"),
        ("sun:23:45-mon:00:15", "23:00-00:00", "must not overlap"),
        ("sun:04:00-sun:04:29", "01:00-02:00", "at least 30 minutes"),
        ("sun:04:00-mon:04:00", "01:00-02:00", "less than 24 hours"),
        ("sun:04:00-sun:05:00", "01:00-01:29", "at least 30 minutes"),
        ("son:04:00-son:05:00", "01:00-02:00", "Invalid window"),
        ("sun:04:00-sun:05:00", "24:00-25:00", "Invalid window"),
    ],
)
def test_what_can_not_be_is_told(maintenance: str, backup: str, words: str) -> None:
    """Overlaps, wrong lengths and wrong forms are named."""
    assert words in (problem(maintenance, backup) or "")
