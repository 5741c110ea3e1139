"""Log groups and metric alarms."""

from __future__ import annotations

from prod_infra.local_aws.clients import Clients
from tests.local_aws.provider.lifecycle import made, run_lifecycle

GROUP = "aws:cloudwatch/logGroup:LogGroup"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
CPU = {
    "name": "prod-docdb-cpu",
    "comparisonOperator": "GreaterThanThreshold",
    "evaluationPeriods": 3,
    "metricName": "CPUUtilization",
    "namespace": "AWS/DocDB",
    "period": 60,
    "statistic": "Average",
    "threshold": 80,
    "dimensions": {"DBClusterIdentifier": "prod"},
    "alarmActions": ["arn:aws:sns:eu-central-1:123456789012:alarms"],
    "tags": {"Name": "cpu"},
}


def test_log_group(clients: Clients) -> None:
    """A log group lives; retention and tags change in place."""
    inputs = {"name": "/ecs/prod", "retentionInDays": 30, "tags": {"Name": "app"}}
    changed = {"name": "/ecs/prod", "retentionInDays": 365, "tags": {"Owner": "platform"}}
    state = run_lifecycle(clients, GROUP, inputs, changed, {"name": "/ecs/prod"})
    assert state["arn"] == "arn:aws:logs:eu-central-1:123456789012:log-group:/ecs/prod"


def test_log_group_with_key(clients: Clients) -> None:
    """A group's key can be exchanged and taken off in place."""
    keys = [clients("kms").create_key()["KeyMetadata"]["Arn"] for _ in range(2)]
    inputs = {"name": "/ecs/prod", "kmsKeyId": keys[0]}
    run_lifecycle(clients, GROUP, inputs, {**inputs, "kmsKeyId": keys[1]}, {"name": "/ecs/prod"})


def test_log_group_is_not_mistaken_for_its_prefix(clients: Clients) -> None:
    """A group whose name begins with another's is another."""
    made(clients, GROUP, {"name": "/ecs/prod-blue"})
    group = made(clients, GROUP, {"name": "/ecs/prod"}, "other")
    group.delete()
    assert group.read() is None


def test_alarm_on_a_metric(clients: Clients) -> None:
    """An alarm lives; threshold, actions and tags change in place."""
    state = run_lifecycle(
        clients,
        ALARM,
        CPU,
        {**CPU, "threshold": 90.5, "treatMissingData": "breaching"},
        {**CPU, "okActions": CPU["alarmActions"], "tags": {"Owner": "platform"}},
    )
    assert state["arn"] == "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:prod-docdb-cpu"
    assert state["dimensions"] == {"DBClusterIdentifier": "prod"}


def test_alarm_on_an_expression(clients: Clients) -> None:
    """An alarm on a ratio of two metrics lives."""
    metric = {"namespace": "AWS/ApplicationELB", "period": 60, "stat": "Sum", "dimensions": {"LoadBalancer": "app/x/1"}}
    queries = [
        {"id": "errors", "metric": {**metric, "metricName": "HTTPCode_Target_5XX_Count"}},
        {"id": "requests", "metric": {**metric, "metricName": "RequestCount"}},
        {"id": "rate", "expression": "100 * errors / requests", "label": "error rate", "returnData": True},
    ]
    inputs = {
        "name": "prod-5xx",
        "comparisonOperator": "GreaterThanThreshold",
        "evaluationPeriods": 2,
        "datapointsToAlarm": 2,
        "threshold": 1,
        "metricQueries": queries,
    }
    run_lifecycle(clients, ALARM, inputs, {**inputs, "threshold": 5})


def test_alarm_state_is_no_drift(clients: Clients) -> None:
    """An alarm that goes off has not changed."""
    alarm = made(clients, ALARM, CPU)
    clients("cloudwatch").set_alarm_state(AlarmName="prod-docdb-cpu", StateValue="ALARM", StateReason="drill")
    assert alarm.read() == alarm.state
