"""CloudWatch: log groups and metric alarms."""

from __future__ import annotations

from typing import Any

from prod_infra.local_aws.provider.handler import AutoName, Handler
from prod_infra.local_aws.provider.handlers.common import (
    absent_is_fine,
    compact,
    pascal,
    tag_changes,
    tag_list,
    tag_state,
    tags_of,
)
from prod_infra.properties import Props

_NO_GROUP = "ResourceNotFoundException"


class LogGroup(Handler):
    """A log group with its retention, key and tags."""

    token = "aws:cloudwatch/logGroup:LogGroup"
    inputs = frozenset({"name", "retentionInDays", "kmsKeyId", "logGroupClass", "skipDestroy", "tags"})
    replace_on = frozenset({"name", "logGroupClass"})
    defaults = {"skipDestroy": False}
    write_only = frozenset({"skipDestroy"})
    outputs = frozenset({"arn", "logGroupClass", "tagsAll"})
    auto_name = AutoName(max_length=512)

    def create(self, inputs: Props) -> str:
        """Create the group and set its retention; 0 days keeps events for ever."""
        logs = self.clients("logs")
        name = inputs["name"]
        logs.create_log_group(
            **compact(
                {
                    "logGroupName": name,
                    "kmsKeyId": inputs.get("kmsKeyId"),
                    "logGroupClass": inputs.get("logGroupClass"),
                    "tags": inputs.get("tags") or None,
                }
            )
        )
        self.made(name)
        if inputs.get("retentionInDays"):
            logs.put_retention_policy(logGroupName=name, retentionInDays=inputs["retentionInDays"])
        return str(name)

    def _group(self, name: str) -> Any | None:
        pages = self.clients("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
        return next((group for page in pages for group in page["logGroups"] if group["logGroupName"] == name), None)

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the group; its ARN without the `:*` that AWS appends, as pulumi-aws has it."""
        held = self._group(resource_id)
        if held is None:
            return None
        arn = held["arn"].removesuffix(":*")
        return {
            "name": resource_id,
            "arn": arn,
            "retentionInDays": held.get("retentionInDays", 0),
            "logGroupClass": held.get("logGroupClass", "STANDARD"),
            "skipDestroy": bool(state.get("skipDestroy")),
            **compact({"kmsKeyId": held.get("kmsKeyId")}),
            **tag_state(self.clients("logs").list_tags_for_resource(resourceArn=arn)["tags"]),
        }

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Set retention, key and tags."""
        logs = self.clients("logs")
        if "retentionInDays" in changed and new.get("retentionInDays"):
            logs.put_retention_policy(logGroupName=resource_id, retentionInDays=new["retentionInDays"])
        elif "retentionInDays" in changed:
            logs.delete_retention_policy(logGroupName=resource_id)
        if "kmsKeyId" in changed and new.get("kmsKeyId"):
            logs.associate_kms_key(logGroupName=resource_id, kmsKeyId=new["kmsKeyId"])
        elif "kmsKeyId" in changed:
            logs.disassociate_kms_key(logGroupName=resource_id)
        if "tags" in changed:
            to_set, to_remove = tag_changes(old.get("tags"), new.get("tags"))
            if to_remove:
                logs.untag_resource(resourceArn=old["arn"], tagKeys=to_remove)
            if to_set:
                logs.tag_resource(resourceArn=old["arn"], tags=to_set)

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the group and its events, unless `skipDestroy` asks to leave it."""
        if not state.get("skipDestroy"):
            with absent_is_fine(_NO_GROUP):
                self.clients("logs").delete_log_group(logGroupName=resource_id)

    def find(self, inputs: Props) -> str | None:
        """Return the name if AWS holds the group."""
        return str(inputs["name"]) if self._group(inputs["name"]) else None


# Inputs whose AWS name is more than their own with an upper-case first letter.
_RENAMED = frozenset({"name", "okActions", "dimensions", "metricQueries", "evaluateLowSampleCountPercentiles", "tags"})


class MetricAlarm(Handler):
    """An alarm on one metric or on a metric expression."""

    token = "aws:cloudwatch/metricAlarm:MetricAlarm"
    inputs = frozenset(
        {
            "actionsEnabled",
            "alarmActions",
            "alarmDescription",
            "comparisonOperator",
            "datapointsToAlarm",
            "dimensions",
            "evaluateLowSampleCountPercentiles",
            "evaluationPeriods",
            "extendedStatistic",
            "insufficientDataActions",
            "metricName",
            "metricQueries",
            "name",
            "namespace",
            "okActions",
            "period",
            "statistic",
            "tags",
            "threshold",
            "thresholdMetricId",
            "treatMissingData",
            "unit",
        }
    )
    nested_inputs = {
        "metricQueries": frozenset({"id", "accountId", "expression", "label", "metric", "period", "returnData"}),
        "metricQueries.metric": frozenset({"dimensions", "metricName", "namespace", "period", "stat", "unit"}),
    }
    replace_on = frozenset({"name"})
    defaults = {"actionsEnabled": True, "treatMissingData": "missing"}
    set_inputs = frozenset({"alarmActions", "okActions", "insufficientDataActions", "metricQueries"})
    outputs = frozenset({"arn", "tagsAll", "evaluateLowSampleCountPercentiles"})
    auto_name = AutoName(max_length=255)

    def _put(self, inputs: Props, **more: Any) -> None:
        same_named = {key: value for key, value in inputs.items() if key in self.inputs - _RENAMED}
        self.clients("cloudwatch").put_metric_alarm(
            **compact(
                {
                    **more,
                    **pascal(same_named),
                    "AlarmName": inputs["name"],
                    "OKActions": inputs.get("okActions"),
                    "Dimensions": tag_list(inputs.get("dimensions"), key="Name") or None,
                    "Metrics": [_query(query) for query in inputs.get("metricQueries") or ()] or None,
                    "EvaluateLowSampleCountPercentile": inputs.get("evaluateLowSampleCountPercentiles"),
                }
            )
        )

    def create(self, inputs: Props) -> str:
        """Put the alarm with its tags."""
        self._put(inputs, Tags=tag_list(inputs.get("tags")))
        return self.made(str(inputs["name"]))

    def _alarm(self, name: str) -> Any | None:
        answer = self.clients("cloudwatch").describe_alarms(AlarmNames=[name])
        return next(iter(answer["MetricAlarms"]), None)

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the alarm's definition; its present state is no property of it."""
        del state
        held = self._alarm(resource_id)
        if held is None:
            return None
        tags = self.clients("cloudwatch").list_tags_for_resource(ResourceARN=held["AlarmArn"])["Tags"]
        return {
            **compact({key: held.get(key[:1].upper() + key[1:]) for key in self.inputs - _RENAMED}),
            **compact({"evaluateLowSampleCountPercentiles": held.get("EvaluateLowSampleCountPercentile")}),
            "name": resource_id,
            "arn": held["AlarmArn"],
            "okActions": held.get("OKActions", []),
            "dimensions": tags_of(held.get("Dimensions"), key="Name"),
            "metricQueries": [_query_state(query) for query in held.get("Metrics", ())],
            **tag_state(tags_of(tags)),
        }

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Put the alarm as a whole, and set its tags."""
        del resource_id
        if changed - {"tags"}:
            self._put(new)
        if "tags" in changed:
            to_set, to_remove = tag_changes(old.get("tags"), new.get("tags"))
            if to_remove:
                self.clients("cloudwatch").untag_resource(ResourceARN=old["arn"], TagKeys=to_remove)
            if to_set:
                self.clients("cloudwatch").tag_resource(ResourceARN=old["arn"], Tags=tag_list(to_set))

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the alarm."""
        del state
        if self._alarm(resource_id):
            self.clients("cloudwatch").delete_alarms(AlarmNames=[resource_id])

    def find(self, inputs: Props) -> str | None:
        """Return the name if AWS holds the alarm."""
        return str(inputs["name"]) if self._alarm(inputs["name"]) else None


def _query(query: Props) -> Props:
    """Return one metric query as AWS takes it: the metric's name and dimensions apart from how it is read."""
    metric = query.get("metric")
    stat = metric and compact(
        {
            "Metric": compact(
                {
                    "Namespace": metric.get("namespace"),
                    "MetricName": metric.get("metricName"),
                    "Dimensions": tag_list(metric.get("dimensions"), key="Name"),
                }
            ),
            "Period": metric.get("period"),
            "Stat": metric.get("stat"),
            "Unit": metric.get("unit"),
        }
    )
    rest = pascal({key: value for key, value in query.items() if key != "metric"})
    return compact({**rest, "ReturnData": bool(query.get("returnData")), "MetricStat": stat})


def _query_state(query: Props) -> Props:
    """Return one metric query as Pulumi has it."""
    stat = query.get("MetricStat")
    metric = stat and compact(
        {
            "namespace": stat["Metric"].get("Namespace"),
            "metricName": stat["Metric"].get("MetricName"),
            "dimensions": tags_of(stat["Metric"].get("Dimensions"), key="Name"),
            "period": stat.get("Period"),
            "stat": stat.get("Stat"),
            "unit": stat.get("Unit"),
        }
    )
    return compact(
        {
            "id": query["Id"],
            "accountId": query.get("AccountId"),
            "expression": query.get("Expression"),
            "label": query.get("Label"),
            "period": query.get("Period"),
            "returnData": bool(query.get("ReturnData")),
            "metric": metric,
        }
    )


HANDLERS: tuple[type[Handler], ...] = (LogGroup, MetricAlarm)
