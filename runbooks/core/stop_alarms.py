"""Alarms that end a run while it waits: going on could make things worse."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prod_infra.errors import StopAlarmError
from runbooks.core.aws import Aws


class StopAlarms:
    """Looks at the alarms.

    Args:
        aws: the target.
        names: says which; asked once, at the first look.
    """

    def __init__(self, aws: Aws, names: Callable[[], Iterable[str]]) -> None:
        self._aws = aws
        self._ask = names
        self._names: frozenset[str] | None = None

    def check(self) -> None:
        """Look once.

        Raises:
            StopAlarmError: one of them fires.
        """
        if self._names is None:
            self._names = frozenset(self._ask())
        if not self._names:
            return
        pages = self._aws("cloudwatch").get_paginator("describe_alarms").paginate(StateValue="ALARM")
        firing = {alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"]} & self._names
        if firing:
            raise StopAlarmError(f"Alarms fire: {', '.join(sorted(firing))}.", hint="the steps are taken back")
