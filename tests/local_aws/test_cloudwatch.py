"""CloudWatch on the local AWS: alarms follow their metrics, and statistics are right."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.cloudwatch.alarm_evaluation import percentile, state
from prod_infra.local_aws.cloudwatch.metric_math import evaluate
from prod_infra.local_aws.server import LocalAws
from tests.local_aws.test_server import wait_until

ALARM: dict[str, Any] = {
    "AlarmName": "errors",
    "Namespace": "App",
    "MetricName": "errors",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 5.0,
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "notBreaching",
}


def state_of(clients: Clients, name: str = "errors") -> str:
    """Return the state of an alarm."""
    found: str = clients("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"]
    return found


def put(clients: Clients, name: str, *values: float) -> None:
    """Put a value for each of the last minutes, newest first."""
    now = datetime.now(UTC)
    clients("cloudwatch").put_metric_data(
        Namespace="App",
        MetricData=[
            {"MetricName": name, "Value": value, "Timestamp": now - timedelta(minutes=age)}
            for age, value in enumerate(values)
        ],
    )


def test_an_alarm_fires_with_its_metric_and_recovers(clients: Clients, local_aws: LocalAws) -> None:
    """Data over the threshold fire it at once; once they are past, it is OK, and the history tells both."""
    local_aws.admin("POST", "/clock", factor=600)
    clients("cloudwatch").put_metric_alarm(**ALARM)
    put(clients, "errors", 9)
    assert state_of(clients) == "ALARM"
    assert wait_until(lambda: state_of(clients) == "OK")
    history = clients("cloudwatch").describe_alarm_history(AlarmName="errors")["AlarmHistoryItems"]
    assert [item["HistorySummary"] for item in history] == [
        "Alarm updated from ALARM to OK",
        "Alarm updated from OK to ALARM",
    ]


def test_a_state_set_by_hand_holds_until_the_next_evaluation(clients: Clients) -> None:
    """The next data point shows what is true."""
    cloudwatch = clients("cloudwatch")
    cloudwatch.put_metric_alarm(**ALARM)
    cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="drill")
    assert state_of(clients) == "ALARM"
    put(clients, "errors", 1)
    assert state_of(clients) == "OK"


def test_a_changed_alarm_keeps_its_state(clients: Clients) -> None:
    """Until it is evaluated."""
    cloudwatch = clients("cloudwatch")
    cloudwatch.put_metric_alarm(**ALARM)
    cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="drill")
    cloudwatch.put_metric_alarm(**ALARM | {"Threshold": 6.0})
    assert state_of(clients) == "ALARM"


def test_an_alarm_on_an_expression_follows_its_metrics(clients: Clients) -> None:
    """As the share of connections in use does."""
    queries: list[dict[str, Any]] = [
        {
            "Id": name,
            "ReturnData": False,
            "MetricStat": {"Metric": {"Namespace": "App", "MetricName": name}, "Period": 60, "Stat": "Average"},
        }
        for name in ("used", "limit")
    ]
    clients("cloudwatch").put_metric_alarm(
        AlarmName="share",
        EvaluationPeriods=1,
        Threshold=50,
        ComparisonOperator="GreaterThanThreshold",
        Metrics=[*queries, {"Id": "share", "Expression": "100 * used / limit"}],
    )
    assert state_of(clients, "share") == "INSUFFICIENT_DATA"
    put(clients, "limit", 100)
    put(clients, "used", 60)
    assert state_of(clients, "share") == "ALARM"


def test_percentiles_and_expressions_are_answered(clients: Clients) -> None:
    """get_metric_statistics and get_metric_data give numbers where moto gives none."""
    put(clients, "latency", 1, 2, 3)
    span = {"StartTime": datetime.now(UTC) - timedelta(hours=1), "EndTime": datetime.now(UTC) + timedelta(hours=1)}
    cloudwatch = clients("cloudwatch")
    points = cloudwatch.get_metric_statistics(
        Namespace="App", MetricName="latency", Period=7200, ExtendedStatistics=["p50", "p99"], **span
    )["Datapoints"]
    assert points[0]["ExtendedStatistics"] == {"p50": 2.0, "p99": pytest.approx(2.98)}
    metric = {"Metric": {"Namespace": "App", "MetricName": "latency"}, "Period": 7200, "Stat": "p50"}
    results = cloudwatch.get_metric_data(
        MetricDataQueries=[
            {"Id": "m", "MetricStat": metric, "ReturnData": False},
            {"Id": "twice", "Expression": "m * 2"},
        ],
        **span,
    )["MetricDataResults"]
    assert [result["Values"] for result in results] == [[4.0]]


# The tables of AWS's guide: newest last there, as here; 0 is fine, X breaches, - is missing.
@pytest.mark.parametrize(
    ("points", "enough", "treatment", "expected"),
    [
        ("0-X-X", 3, "missing", "OK"),
        ("0----", 3, "breaching", "OK"),
        ("-----", 3, "missing", "INSUFFICIENT_DATA"),
        ("-----", 3, "ignore", None),
        ("-----", 3, "breaching", "ALARM"),
        ("-----", 3, "notBreaching", "OK"),
        ("0XX-X", 3, "missing", "ALARM"),
        ("--X--", 3, "missing", "ALARM"),
        ("--X--", 3, "ignore", None),
        ("--X--", 3, "breaching", "ALARM"),
        ("--X--", 3, "notBreaching", "OK"),
        ("00X0X", 2, "missing", "ALARM"),
        ("0-X--", 2, "missing", "OK"),
        ("0-X--", 2, "breaching", "ALARM"),
        ("----0", 2, "breaching", "ALARM"),
        ("---X-", 2, "missing", "ALARM"),
        ("---X-", 2, "notBreaching", "OK"),
        ("----X", 2, "missing", None),
    ],
)
def test_missing_data_count_as_the_guide_says(points: str, enough: int, treatment: str, expected: str | None) -> None:
    """Three evaluation periods, five looked at."""
    alarm = SimpleNamespace(
        evaluation_periods=3,
        datapoints_to_alarm=enough,
        treat_missing_data=treatment,
        threshold=1,
        comparison_operator="GreaterThanOrEqualToThreshold",
    )
    values: dict[str, float | None] = {"0": 0.0, "X": 1.0, "-": None}
    assert state(alarm, [values[point] for point in reversed(points)]) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [("a + b * 2", 7.0), ("IF(a > b, a, b)", 3.0), ("FILL(c, 0) + a", 1.0), ("a / 0", None), ("c + a", None),
     ("SUM([a, b])", 4.0), ("-a ^ 2", -1.0)],
)  # fmt: skip
def test_expressions(expression: str, expected: float | None) -> None:
    """Arithmetic, conditions and gaps."""
    assert evaluate(expression, {"a": 1.0, "b": 3.0, "c": None}) == expected


@pytest.mark.parametrize(
    ("values", "percent", "expected"), [([5], 99, 5), ([1, 2, 3, 4], 50, 2.5), ([3, 1, 2], 100, 3)]
)
def test_percentile(values: Sequence[float], percent: float, expected: float) -> None:
    """Between the two nearest values."""
    assert percentile(values, percent) == expected
