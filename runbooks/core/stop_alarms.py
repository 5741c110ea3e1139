"""Alarms that end a run while it waits: going on could make things worse."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from prod_infra.errors import StopAlarmError
from runbooks.core.aws import Aws


class StopAlarms:
    """Looks at the alarms, as often as the target may be asked: some waits are for what is no call of AWS's.

    Args:
        aws: the target.
        names: says which; asked once, at the first look.
    """

    def __init__(self, aws: Aws, names: Callable[[], Iterable[str]]) -> None:
        self._aws = aws
        self._ask = names
        self._names: frozenset[str] | None = None
        self._next = 0.0

    def check(self) -> None:
        """Look, unless that was done within the target's `poll_seconds`.

        Raises:
            StopAlarmError: one of them fires.
        """
        if (now := time.monotonic()) < self._next:
            return
        self._next = now + self._aws.poll_seconds
        if self._names is None:
            self._names = frozenset(self._ask())
        if not self._names:
            return
        pages = self._aws("cloudwatch").get_paginator("describe_alarms").paginate(StateValue="ALARM")
        firing = {alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"]} & self._names
        if firing:
            raise StopAlarmError(
                f"Alarms fire: {', '.join(sorted(firing))}.", hint="the journal has what takes the steps back"
            )
