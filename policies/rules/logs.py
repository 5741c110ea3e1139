"""Logs that AWS writes by itself go where the stack says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pulumi_policy import PolicyResource

from policies.checks import Props, present
from policies.graph import Stack, items, known, undecided
from policies.rule import UNKNOWN, WELL_ARCHITECTED, Absent, Node, ResourceRule, Severity, StackRule
from policies.tokens import DOCDB_CLUSTER, ECS_CLUSTER, FLOW_LOG, LOG_GROUP


def _own_log_groups(
    needed: Callable[[PolicyResource], Iterator[str]],
) -> Callable[[PolicyResource, Stack], Iterator[str]]:
    def check(subject: PolicyResource, stack: Stack) -> Iterator[str]:
        missing = list(needed(subject))
        if missing:
            groups = stack.of(LOG_GROUP)
            names = {known(group, "name") for group in groups}
            for name in missing:
                if name not in names:
                    # One whose name was made from another resource may be the one.
                    for group in groups:
                        if known(group, "name") is None and group.property_dependencies.get("name"):
                            undecided(group, "name")
                    yield "no LogGroup is made for one of its logs; AWS makes one, with no end and no key"

    return check


def _exported(cluster: PolicyResource) -> Iterator[str]:
    for kind in items(known(cluster, "enabledCloudwatchLogsExports")):
        yield f"/aws/docdb/{known(cluster, 'clusterIdentifier')}/{kind}"


def _insights(cluster: PolicyResource) -> Iterator[str]:
    for setting in items(known(cluster, "settings")):
        if setting.get("name") == "containerInsights" and setting.get("value") in ("enabled", "enhanced"):
            yield f"/aws/ecs/containerinsights/{known(cluster, 'name')}/performance"


def _group(name: str) -> Node:
    return Node(LOG_GROUP[0], "group", {"name": name})


_UNNAMED = (
    Node("aws:ssm/parameter:Parameter", "elsewhere"),
    Node(LOG_GROUP[0], "group", {"name": UNKNOWN}, {"name": ["elsewhere"]}),
)


_LOGGED: Any = {
    "why": "AWS would make the log group by itself, kept for ever and without a key of ours.",
    "severity": Severity.LOW,
    "controls": {WELL_ARCHITECTED: ("SEC04-BP01",)},
}
_DB = Node(DOCDB_CLUSTER[0], "db", {"clusterIdentifier": "db", "enabledCloudwatchLogsExports": ["audit"]})
_ECS = Node(ECS_CLUSTER[0], "it", {"name": "c", "settings": [{"name": "containerInsights", "value": "enhanced"}]})

DOCDB_LOG_GROUPS = StackRule(
    id="docdb-log-groups",
    title="The logs that DocumentDB exports have log groups of the stack",
    on=DOCDB_CLUSTER,
    keys=("clusterIdentifier", "enabledCloudwatchLogsExports", "name"),
    absent=Absent(means="AWS makes them"),
    fix="Keep the log groups of prod_infra.data.docdb.",
    check=_own_log_groups(_exported),
    passes=((_DB, _group("/aws/docdb/db/audit")),),
    fails=((_DB, _group("/aws/docdb/db/profiler")),),
    lacks=(_DB,),
    unknown=(_DB, *_UNNAMED),
    **_LOGGED,
)

INSIGHTS_LOG_GROUP = StackRule(
    id="ecs-insights-log-group",
    title="Container Insights has a log group of the stack",
    on=ECS_CLUSTER,
    keys=("name", "settings"),
    absent=Absent(means="AWS makes it"),
    fix="Keep the log group of prod_infra.compute.ecs.",
    check=_own_log_groups(_insights),
    passes=((_ECS, _group("/aws/ecs/containerinsights/c/performance")),),
    fails=((_ECS, _group("/prod/app")),),
    lacks=(_ECS,),
    unknown=(_ECS, *_UNNAMED),
    **_LOGGED,
)


def _delivers(props: Props) -> Iterator[str]:
    yield from present("logDestination")(props)
    if props.get("logDestinationType") in (None, "cloud-watch-logs"):
        yield from present("iamRoleArn")(props)


FLOW_LOG_DELIVERS = ResourceRule(
    id="flow-log-delivers",
    title="A flow log says where its records go, and may put them there",
    why="It would look like an audit trail and be none.",
    severity=Severity.MEDIUM,
    on=FLOW_LOG,
    keys=("logDestinationType", "logDestination", "iamRoleArn"),
    absent=Absent(means="AWS delivers to CloudWatch Logs", passes=True),
    fix="Leave the destination and the role to prod_infra.operations.flow_logs.",
    controls={WELL_ARCHITECTED: ("SEC04-BP01",)},
    check=_delivers,
    passes=(
        {"logDestinationType": "cloud-watch-logs", "logDestination": "arn:logs", "iamRoleArn": "arn:role"},
        {"logDestinationType": "s3", "logDestination": "arn:bucket"},
    ),
    fails=({"logDestination": None}, {"iamRoleArn": None}),
)

RULES = (DOCDB_LOG_GROUPS, INSIGHTS_LOG_GROUP, FLOW_LOG_DELIVERS)
