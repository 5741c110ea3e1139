"""How the service is deployed: gradually, with a way back, never below what serves customers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.checks import Check, Props, all_of, at_least, at_most, equals, number, present, satisfies
from policies.graph import items
from policies.rule import WELL_ARCHITECTED, Absent, ResourceRule, Severity, Threshold
from policies.tokens import DEPLOYMENT_GROUP, ECS_SERVICE

MIN_TASKS = 2
MIN_GRACE_SECONDS = 60
MAX_GRACE_SECONDS = 600
MIN_BLUE_MINUTES = 15
FULL = 100
BLUE_AND_GREEN = 2

_CHANGE: Mapping[str, tuple[str, ...]] = {WELL_ARCHITECTED: ("OPS06-BP03",)}
_BACK: Mapping[str, tuple[str, ...]] = {WELL_ARCHITECTED: ("OPS06-BP04",)}
_SCALE: Mapping[str, tuple[str, ...]] = {WELL_ARCHITECTED: ("REL07-BP01",)}

DEPLOYMENT_GRADUAL = ResourceRule(
    id="code-deploy-gradual",
    title="A deployment shifts traffic step by step",
    why="All at once, a broken revision meets every customer before any alarm goes off.",
    severity=Severity.HIGH,
    on=DEPLOYMENT_GROUP,
    keys=("deploymentConfigName",),
    absent=Absent(means="AWS shifts all traffic at once"),
    fix="Keep Settings.deployment_config_name: CodeDeployDefault.ECSCanary10Percent5Minutes.",
    controls=_CHANGE,
    check=satisfies(
        "deploymentConfigName",
        lambda name: bool(name) and not str(name).endswith("AllAtOnce"),
        "name a canary or a linear configuration",
    ),
    passes=({"deploymentConfigName": "CodeDeployDefault.ECSCanary10Percent5Minutes"},),
    fails=({"deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce"}, {"deploymentConfigName": ""}),
)

_TERMINATION = "blueGreenDeploymentConfig.terminateBlueInstancesOnDeploymentSuccess"


def _keeps_blue(minutes: float) -> Check:
    def check(props: Props) -> Iterator[str]:
        config = (props.get("blueGreenDeploymentConfig") or {}).get("terminateBlueInstancesOnDeploymentSuccess") or {}
        if config.get("action") != "KEEP_ALIVE":
            yield from at_least(f"{_TERMINATION}.terminationWaitTimeInMinutes", minutes)(props)

    return check


def _termination(**config: Any) -> Mapping[str, Any]:
    return {"blueGreenDeploymentConfig": {"terminateBlueInstancesOnDeploymentSuccess": config}}


DEPLOYMENT_KEEPS_BLUE = ResourceRule(
    id="code-deploy-keeps-blue",
    title=f"The old revision stays up for {MIN_BLUE_MINUTES} minutes or more after a deployment",
    why="What goes wrong a little later could only be mended by deploying the old revision anew.",
    severity=Severity.MEDIUM,
    on=DEPLOYMENT_GROUP,
    keys=(f"{_TERMINATION}.terminationWaitTimeInMinutes", f"{_TERMINATION}.action"),
    absent=Absent(means="AWS stops it at once"),
    fix=f"Keep Settings.blue_termination_wait_minutes at {MIN_BLUE_MINUTES} or more.",
    controls=_BACK,
    check=_keeps_blue(MIN_BLUE_MINUTES),
    threshold=Threshold(name="minimumMinutes", floor=MIN_BLUE_MINUTES, check=_keeps_blue),
    passes=(_termination(action="TERMINATE", terminationWaitTimeInMinutes=30), _termination(action="KEEP_ALIVE")),
    fails=(
        _termination(action="TERMINATE", terminationWaitTimeInMinutes=0),
        _termination(action="TERMINATE", terminationWaitTimeInMinutes=14),
        {"blueGreenDeploymentConfig": None},
    ),
)

_PAIR = "loadBalancerInfo.targetGroupPairInfo"


def _routes(props: Props) -> Iterator[str]:
    yield from all_of(
        present(f"{_PAIR}.prodTrafficRoute.listenerArns"),
        present(f"{_PAIR}.testTrafficRoute.listenerArns"),
        satisfies(f"{_PAIR}.targetGroups", lambda groups: len(groups) == BLUE_AND_GREEN, "name blue and green"),
    )(props)


def _pair(**parts: Any) -> Mapping[str, Any]:
    good = {
        "targetGroups": [{"name": "blue"}, {"name": "green"}],
        "prodTrafficRoute": {"listenerArns": ["arn:production"]},
        "testTrafficRoute": {"listenerArns": ["arn:test"]},
    }
    return {"loadBalancerInfo": {"targetGroupPairInfo": {**good, **parts}}}


DEPLOYMENT_ROUTES = ResourceRule(
    id="code-deploy-routes",
    title="A deployment has production's route, a test's, and two target groups",
    why="Without a test route nobody can try the new revision before customers meet it.",
    severity=Severity.MEDIUM,
    on=DEPLOYMENT_GROUP,
    keys=(f"{_PAIR}.targetGroups", f"{_PAIR}.prodTrafficRoute", f"{_PAIR}.testTrafficRoute"),
    absent=Absent(means="AWS refuses it for ECS, and says so late"),
    fix="Leave load_balancer_info to prod_infra.compute.blue_green.",
    controls=_CHANGE,
    check=_routes,
    passes=(_pair(),),
    fails=(_pair(testTrafficRoute=None), _pair(targetGroups=[{"name": "blue"}]), _pair(prodTrafficRoute={})),
)


def _desired(tasks: float) -> Check:
    return at_least("desiredCount", tasks)


SERVICE_DESIRED = ResourceRule(
    id="ecs-desired-count",
    title=f"A service starts with {MIN_TASKS} tasks or more",
    why="Until scaling corrects it, one task is one zone, and none is an outage.",
    severity=Severity.HIGH,
    on=ECS_SERVICE,
    keys=("desiredCount",),
    absent=Absent(means="the provider starts none"),
    fix=f"Keep Settings.autoscaling_min_tasks at {MIN_TASKS} or more: the service starts with as many.",
    controls=_SCALE,
    check=_desired(MIN_TASKS),
    threshold=Threshold(name="minimumTasks", floor=MIN_TASKS, check=_desired),
    passes=({"desiredCount": 2}, {"desiredCount": 6}),
    fails=({"desiredCount": 1}, {"desiredCount": 0}),
)


def _grace(props: Props) -> Iterator[str]:
    if len(list(items(props.get("loadBalancers")))) > 0:
        yield from all_of(
            at_least("healthCheckGracePeriodSeconds", MIN_GRACE_SECONDS),
            at_most("healthCheckGracePeriodSeconds", MAX_GRACE_SECONDS),
        )(props)


SERVICE_GRACE = ResourceRule(
    id="ecs-health-check-grace",
    title=f"A task has {MIN_GRACE_SECONDS} to {MAX_GRACE_SECONDS} seconds to start before its health counts",
    why="With fewer ECS kills tasks that are still starting; with more a sick one stays.",
    severity=Severity.MEDIUM,
    on=ECS_SERVICE,
    keys=("healthCheckGracePeriodSeconds", "loadBalancers"),
    absent=Absent(means="AWS gives it none"),
    fix="Keep health_check_grace_period_seconds, as prod_infra.compute.ecs does.",
    controls={WELL_ARCHITECTED: ("REL11-BP01",)},
    check=_grace,
    passes=({"healthCheckGracePeriodSeconds": 60, "loadBalancers": [{"containerName": "app"}]}, {}),
    fails=({"healthCheckGracePeriodSeconds": 0}, {"healthCheckGracePeriodSeconds": 3600}),
)

SERVICE_HEALTHY_PERCENT = ResourceRule(
    id="ecs-healthy-percent",
    title="A deployment never has fewer healthy tasks than the service needs",
    why="It would stop old tasks before new ones serve.",
    severity=Severity.HIGH,
    on=ECS_SERVICE,
    keys=("deploymentMinimumHealthyPercent", "deploymentMaximumPercent"),
    absent=Absent(means="AWS keeps 100 %", passes=True),
    fix="Leave both percentages out, as prod_infra.compute.ecs does.",
    controls=_CHANGE,
    check=all_of(
        at_least("deploymentMinimumHealthyPercent", FULL, absent_ok=True),
        satisfies(
            "deploymentMaximumPercent",
            lambda percent: (number(percent) or 0) > FULL,
            f"be more than {FULL}",
            absent_ok=True,
        ),
    ),
    passes=({"deploymentMinimumHealthyPercent": 100, "deploymentMaximumPercent": 200}, {}),
    fails=({"deploymentMinimumHealthyPercent": 0}, {"deploymentMaximumPercent": 100}),
)

SERVICE_NO_SHELL = ResourceRule(
    id="ecs-no-exec",
    title="Nobody opens a shell in a production task",
    why="What is done there is in no revision and no review, and has all the rights of the task.",
    severity=Severity.MEDIUM,
    on=ECS_SERVICE,
    keys=("enableExecuteCommand",),
    absent=Absent(means="AWS allows none", passes=True),
    fix="Leave enable_execute_command out, as prod_infra.compute.ecs does.",
    controls={WELL_ARCHITECTED: ("SEC06-BP03",)},
    check=equals("enableExecuteCommand", expected=False, absent_ok=True),
    passes=({"enableExecuteCommand": False},),
    fails=({"enableExecuteCommand": True},),
)

SERVICE_STAYS = ResourceRule(
    id="ecs-no-force-delete",
    title="A service that has tasks can't be deleted",
    why="force_delete stops what serves customers without scaling it down first.",
    severity=Severity.MEDIUM,
    on=ECS_SERVICE,
    keys=("forceDelete",),
    absent=Absent(means="it has to be scaled down first", passes=True),
    fix="Leave force_delete out, as prod_infra.compute.ecs does.",
    controls={WELL_ARCHITECTED: ("REL11-BP04",)},
    check=equals("forceDelete", expected=False, absent_ok=True),
    passes=({"forceDelete": False},),
    fails=({"forceDelete": True},),
)


def _fargate(props: Props) -> Iterator[str]:
    strategies = list(items(props.get("capacityProviderStrategies")))
    if strategies:
        if any(strategy.get("capacityProvider") != "FARGATE" for strategy in strategies):
            yield "capacityProviderStrategies must name FARGATE alone; AWS takes FARGATE_SPOT's tasks back at will"
    elif props.get("launchType") != "FARGATE":
        yield "launchType must be FARGATE"


SERVICE_FARGATE = ResourceRule(
    id="ecs-fargate",
    title="A service runs on Fargate's reliable capacity",
    why="Spot capacity is taken back at two minutes' notice, and EC2's would be this team's to patch.",
    severity=Severity.MEDIUM,
    on=ECS_SERVICE,
    keys=("launchType", "capacityProviderStrategies"),
    absent=Absent(means="AWS starts tasks on EC2 instances, of which there are none"),
    fix="Keep launch_type=FARGATE, as prod_infra.compute.ecs does.",
    controls={WELL_ARCHITECTED: ("REL10-BP01",)},
    check=_fargate,
    passes=(
        {"launchType": "FARGATE"},
        {"capacityProviderStrategies": [{"capacityProvider": "FARGATE", "base": 2}]},
    ),
    fails=(
        {"launchType": "EC2"},
        {"capacityProviderStrategies": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]},
    ),
)

RULES = (
    DEPLOYMENT_GRADUAL,
    DEPLOYMENT_KEEPS_BLUE,
    DEPLOYMENT_ROUTES,
    SERVICE_DESIRED,
    SERVICE_GRACE,
    SERVICE_HEALTHY_PERCENT,
    SERVICE_NO_SHELL,
    SERVICE_STAYS,
    SERVICE_FARGATE,
)
