"""When a CloudWatch alarm fires: statistics of a period, and the state that follows from the last ones.

Follows https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html, with the two tables of
alarms-and-missing-data.html, and Statistics-definitions.html there.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}

EXTRA_PERIODS: Final = 2
"""CloudWatch looks at more periods than it needs; the tables in its guide show five for three."""


def percentile(values: Sequence[float], percent: float) -> float:
    """Return a percentile, by linear interpolation between the two nearest values.

    Args:
        values: at least one.
        percent: from 0 to 100.
    """
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def statistic(name: str, data: Sequence[Any]) -> float | None:
    """Return a statistic of moto's data of one metric and period; None where they have none.

    Raises:
        NotImplementedError: for a statistic such as a trimmed mean.
    """
    sets = [each for each in data if hasattr(each, "sample_count")]
    values = [each.value for each in data if not hasattr(each, "sample_count")]
    count = len(values) + sum(each.sample_count for each in sets)
    if not count:
        return None
    total = sum(values) + sum(each.sum for each in sets)
    if name in {"Sum", "SampleCount", "Average"}:
        return float({"Sum": total, "SampleCount": count, "Average": total / count}[name])
    if name == "Minimum":
        return float(min([*values, *(each.min for each in sets)]))
    if name == "Maximum":
        return float(max([*values, *(each.max for each in sets)]))
    if not re.fullmatch(r"p\d{1,2}(\.\d+)?|p100", name):
        raise NotImplementedError(f"statistic {name}")
    # Of a set of statistics AWS knows percentiles only where all its values are the same.
    same = [each.min for each in sets if each.min == each.max for _ in range(int(each.sample_count))]
    return percentile([*values, *same], float(name[1:])) if values or same else None


def breaching(alarm: Any, value: float) -> bool:
    """Return whether a data point is beyond the alarm's threshold."""
    return COMPARE[alarm.comparison_operator](value, float(alarm.threshold))


def state(alarm: Any, points: Sequence[float | None]) -> str | None:
    """Return the state of an alarm, or None where it keeps the one it has.

    Args:
        alarm: moto's.
        points: of the evaluation range, newest first; None where one is missing.
    """
    periods = int(alarm.evaluation_periods)
    enough = int(alarm.datapoints_to_alarm or periods)
    real = [breaching(alarm, point) for point in points if point is not None][:periods]
    bad, missing = sum(real), periods - len(real)
    treatment = alarm.treat_missing_data or "missing"
    if bad >= enough or (treatment == "breaching" and bad + missing >= enough):
        return "ALARM"
    if not missing or treatment in {"breaching", "notBreaching"}:
        return "OK"
    if not real:
        return "INSUFFICIENT_DATA" if treatment == "missing" else None
    if not all(real):
        return "OK"
    # All there is breaches. It fires once the oldest is as old as the data points it takes, so that one
    # value just in does not fire it before the next could show the contrary.
    oldest = max(place for place, point in enumerate(points) if point is not None)
    return "ALARM" if treatment == "missing" and oldest + 1 >= enough else None
