"""CloudWatch: alarms follow their metrics, percentiles and metric math have values, and alarms have a history.

moto never evaluates an alarm. Here one is evaluated when its metric gets data and from then on once a period of AWS's
time, as https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html says. How old a data
point is counts in AWS's time, too: the age that its `Timestamp` gave it when it came, and what has passed since.

An alarm whose metric has had no data keeps its state: AWS's own services report no metrics here, and what they would
report is that all is well. So `set_alarm_state` holds for it, and for any other until the next evaluation.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch import models
from moto.cloudwatch.models import CloudWatchBackend, cloudwatch_backends
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult

from prod_infra.local_aws import ACCOUNT_ID
from prod_infra.local_aws.cloudwatch import metric_math
from prod_infra.local_aws.cloudwatch.alarm_evaluation import EXTRA_PERIODS, breaching, state, statistic
from prod_infra.local_aws.patches import added, around
from prod_infra.local_aws.timeline import TIMELINE

DEFAULT_PERIOD = 60


def in_alarm(region: str, names: list[str]) -> list[str]:
    """Return which of the alarms of a region are in state ALARM; one that does not exist is not."""
    alarms = cloudwatch_backends[ACCOUNT_ID][region].alarms
    return [name for name in names if name in alarms and alarms[name].state_value == "ALARM"]


def _age(datum: Any) -> float:
    """Return how old a data point is, in seconds of AWS's time."""
    return float(datum._age + (time.monotonic() - datum._arrived) * TIMELINE.factor)


def _metrics(alarm: Any) -> dict[str, tuple[str, str, list[Any], str]]:
    """Return what an alarm watches, by ID: namespace, name, dimensions and statistic."""
    if not alarm.metric_data_queries:
        chosen = alarm.extended_statistic or alarm.statistic
        return {"value": (alarm.namespace, alarm.metric_name, alarm.dimensions, chosen)}
    return {
        query.id: (query.metric_stat.metric.namespace, query.metric_stat.metric.metric_name,
                   query.metric_stat.metric.dimensions, query.metric_stat.stat)
        for query in alarm.metric_data_queries
        if query.metric_stat
    }  # fmt: skip


def _period(alarm: Any) -> int:
    periods = [each.metric_stat.period if each.metric_stat else each.period for each in alarm.metric_data_queries]
    return int(next((each for each in [alarm.period, *periods] if each), DEFAULT_PERIOD))


def _result_id(alarm: Any) -> str:
    return next((each.id for each in alarm.metric_data_queries if each.return_data is not False), "value")


def _data(backend: Any, metric: tuple[str, str, list[Any], str]) -> list[Any]:
    namespace, name, dimensions, _ = metric
    wanted = sorted((each.name, each.value) for each in dimensions)
    return [
        datum
        for datum in backend.metric_data
        if (datum.namespace, datum.name) == (namespace, name)
        and sorted((each.name, each.value) for each in datum.dimensions) == wanted
    ]


def _points(backend: Any, alarm: Any) -> list[float | None]:
    """Return the data points of the evaluation range, newest first; None where one is missing."""
    period, count = _period(alarm), int(alarm.evaluation_periods) + EXTRA_PERIODS
    buckets: list[dict[str, float | None]] = [{} for _ in range(count)]
    for query_id, metric in _metrics(alarm).items():
        aged = [(int(_age(datum) // period), datum) for datum in _data(backend, metric)]
        for place, bucket in enumerate(buckets):
            bucket[query_id] = statistic(metric[3], [datum for age, datum in aged if age == place])
    for query in alarm.metric_data_queries:
        for bucket in buckets:
            if query.expression:
                bucket[query.id] = metric_math.evaluate(query.expression, bucket)
    return [bucket.get(_result_id(alarm)) for bucket in buckets]


def _has_data(backend: Any, alarm: Any) -> bool:
    return any(_data(backend, metric) for metric in _metrics(alarm).values())


def _evaluate(backend: Any, alarm: Any) -> None:
    """Let an alarm's state follow its metric, and plan the next look for as long as there is something to see."""
    points = _points(backend, alarm)
    new = state(alarm, points)
    if new is not None and new != alarm.state_value:
        real = [point for point in points if point is not None][: int(alarm.evaluation_periods)]
        bad = sum(breaching(alarm, point) for point in real)
        reason = (
            f"Threshold Crossed: {bad} of the last {alarm.evaluation_periods} datapoints were breaching "
            f"({alarm.comparison_operator} {float(alarm.threshold)}): {real}, missing ones are treated as "
            f"{alarm.treat_missing_data or 'missing'} ({alarm.state_value} -> {new} transition)."
        )
        data = {"version": "1.0", "period": _period(alarm), "recentDatapoints": real, "threshold": alarm.threshold}
        alarm.update_state(reason, json.dumps(data), new)
    # With an empty range the state is what the missing data make of it, until data come again.
    if any(point is not None for point in points):
        _evaluate_later(backend, alarm)


def _evaluate_later(backend: Any, alarm: Any) -> None:
    if getattr(alarm, "_planned", False):
        return
    alarm._planned = True

    def evaluate() -> None:
        alarm._planned = False
        if backend.alarms.get(alarm.name) is alarm:
            _evaluate(backend, alarm)

    TIMELINE.after(_period(alarm), evaluate)


def _put_data(original: Callable[..., None], backend: Any, namespace: str, metric_data: list[dict[str, Any]]) -> None:
    known = len(backend.metric_data)
    original(backend, namespace, metric_data)
    for datum in backend.metric_data[known:]:
        datum._arrived = time.monotonic()
        stamp = datum.timestamp if datum.timestamp.tzinfo else datum.timestamp.replace(tzinfo=UTC)
        # AWS takes data from the future, too; here they are as new as can be.
        datum._age = max(0.0, (datetime.now(UTC) - stamp).total_seconds())
    names = {each["MetricName"] for each in metric_data}
    for alarm in backend.alarms.values():
        watched = _metrics(alarm).values()
        if alarm.rule is None and any(each[0] == namespace and each[1] in names for each in watched):
            _evaluate(backend, alarm)


def _put_alarm(original: Callable[..., Any], backend: Any, **given: Any) -> Any:
    before = backend.alarms.get(given["name"])
    alarm = original(backend, **given)
    if before is not None:
        # An alarm that is changed keeps its state until the next evaluation.
        for name in ("state_value", "state_reason", "state_reason_data", "state_updated_timestamp", "history"):
            setattr(alarm, name, getattr(before, name))
    elif (alarm.treat_missing_data or "missing") in {"missing", "ignore"}:
        alarm.state_value = "INSUFFICIENT_DATA"
    if alarm.rule is None and _has_data(backend, alarm):
        _evaluate(backend, alarm)
    return alarm


def _set_state(original: Callable[..., None], backend: Any, alarm_name: str, *args: Any) -> None:
    original(backend, alarm_name, *args)
    alarm = backend.alarms[alarm_name]
    if alarm.rule is None and _has_data(backend, alarm):
        _evaluate_later(backend, alarm)


def _update_state(original: Callable[..., None], alarm: Any, reason: str, reason_data: str, state_value: str) -> None:
    before = alarm.state_value
    original(alarm, reason, reason_data, state_value)
    if before != state_value:
        alarm.state_transitioned_timestamp = alarm.state_updated_timestamp
        alarm.history[-1] = (before, state_value, reason, alarm.state_updated_timestamp)
    else:
        alarm.history.pop()


def _describe_history(response: Any) -> ActionResult:
    name, most = response._get_param("AlarmName"), response._get_param("MaxRecords") or 100
    kind = response._get_param("HistoryItemType") or "StateUpdate"
    items = [
        {
            "AlarmName": alarm.name,
            "AlarmType": "MetricAlarm",
            "Timestamp": when,
            "HistoryItemType": "StateUpdate",
            "HistorySummary": f"Alarm updated from {old} to {new}",
            "HistoryData": json.dumps(
                {"oldState": {"stateValue": old}, "newState": {"stateValue": new, "stateReason": why}}
            ),
        }
        for alarm in response.cloudwatch_backend.alarms.values()
        if name in {None, alarm.name} and kind == "StateUpdate"
        for old, new, why, when in alarm.history
    ]
    return ActionResult({"AlarmHistoryItems": sorted(items, key=lambda item: item["Timestamp"], reverse=True)[:most]})


def _for_type(original: Callable[..., Any], statistics: Any, stat: str) -> Any:
    return statistic(stat, statistics.metric_data) if stat.startswith("p") else original(statistics, stat)


def _answer_statistics(answer: Callable[..., ActionResult], response: Any) -> ActionResult:
    result = answer(response)
    for point in result.result["Datapoints"]:
        found = {name: statistic(name, point.metric_data) for name in response._get_param("ExtendedStatistics") or []}
        point.extended_statistics = {name: value for name, value in found.items() if value is not None} or None
    return result


def _get_data(
    original: Callable[..., list[dict[str, Any]]], backend: Any, *args: Any, **kw: Any
) -> list[dict[str, Any]]:
    results = original(backend, *args, **kw)
    for result in results:
        # A period without a value of this statistic has no point.
        kept = [pair for pair in zip(result["values"], result["timestamps"], strict=True) if pair[0] is not None]
        result["values"], result["timestamps"] = [value for value, _ in kept], [when for _, when in kept]
    return results


def register() -> None:
    """Let alarms follow metrics, and add percentiles, metric math and the history."""
    around(CloudWatchBackend, "put_metric_data")(_put_data)
    around(CloudWatchBackend, "put_metric_alarm")(_put_alarm)
    around(CloudWatchBackend, "set_alarm_state")(_set_state)
    around(CloudWatchBackend, "get_metric_data")(_get_data)
    around(models.Alarm, "update_state")(_update_state)
    around(models.Statistics, "get_statistics_for_type")(_for_type)
    around(CloudWatchResponse, "get_metric_statistics")(_answer_statistics)
    models.parse_expression = metric_math.over_results
    added(CloudWatchResponse, "describe_alarm_history")(_describe_history)
