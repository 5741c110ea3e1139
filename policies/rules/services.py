"""How a service runs: its tasks' addresses, how many there are, and how they are replaced."""

from __future__ import annotations

from collections.abc import Iterator

from policies.checks import Check, Props, all_of, at_least, at_most, equals, holds_all, number, satisfies, unless
from policies.rule import CHECKOV, FSBP, WELL_ARCHITECTED, Absent, ResourceRule, Severity, Threshold
from policies.tokens import DEPLOYMENT_GROUP, ECS_SERVICE, SCALABLE_TARGET, SCALING_POLICY

MIN_TASKS = 2
MAX_TASKS = 8
MAX_CPU_TARGET = 80

SERVICE_NO_PUBLIC_IP = ResourceRule(
    id="ecs-no-public-ip",
    title="A service's tasks have no public address",
    why="They would face the internet without the load balancer in between.",
    severity=Severity.HIGH,
    on=ECS_SERVICE,
    keys=("networkConfiguration.assignPublicIp",),
    absent=Absent(means="AWS gives them none", passes=True),
    fix="Leave assign_public_ip off, as prod_infra.compute.ecs does.",
    controls={FSBP: ("ECS.2",), CHECKOV: ("CKV_AWS_333",)},
    check=equals("networkConfiguration.assignPublicIp", expected=False, absent_ok=True),
    passes=({"networkConfiguration": {"assignPublicIp": False}}, {}),
    fails=({"networkConfiguration": {"assignPublicIp": True}},),
)

SERVICE_BLUE_GREEN = ResourceRule(
    id="ecs-blue-green-controller",
    title="CodeDeploy deploys the service, blue/green",
    why="A rolling deployment shows a broken revision to customers and can't be taken back at once.",
    severity=Severity.HIGH,
    on=ECS_SERVICE,
    keys=("deploymentController.type",),
    absent=Absent(means="AWS deploys by rolling update"),
    fix="Keep Settings.enable_blue_green_deployment=True.",
    controls={WELL_ARCHITECTED: ("OPS06-BP03",)},
    check=equals("deploymentController.type", "CODE_DEPLOY"),
    passes=({"deploymentController": {"type": "CODE_DEPLOY"}},),
    fails=({"deploymentController": {"type": "ECS"}}, {"deploymentController": None}),
)


def _ecs_target(check: Check) -> Check:
    others = ("dynamodb", "rds", "lambda", "sagemaker", "kafka", "cassandra", "elasticache", "neptune", "comprehend")
    return unless("serviceNamespace", (*others, "ec2", "appstream", "elasticmapreduce", "custom-resource"), check)


def _room(props: Props) -> Iterator[str]:
    least, most = number(props.get("minCapacity")), number(props.get("maxCapacity"))
    if least is not None and most is not None and most <= least:
        yield "maxCapacity is not above minCapacity; there is no room to scale"


_SCALABLE = {"serviceNamespace": "ecs", "minCapacity": 2, "maxCapacity": 8}

AUTOSCALING_MIN = ResourceRule(
    id="autoscaling-min-tasks",
    title=f"At least {MIN_TASKS} tasks serve customers at any time",
    why="One task is one zone: when it goes, the service is down.",
    severity=Severity.HIGH,
    on=SCALABLE_TARGET,
    keys=("minCapacity", "serviceNamespace"),
    absent=Absent(means="AWS refuses a target without it, and says so late"),
    fix=f"Keep Settings.autoscaling_min_tasks at {MIN_TASKS} or more.",
    controls={WELL_ARCHITECTED: ("REL07-BP01",)},
    check=_ecs_target(at_least("minCapacity", MIN_TASKS)),
    threshold=Threshold(
        name="minimumTasks", floor=MIN_TASKS, check=lambda tasks: _ecs_target(at_least("minCapacity", tasks))
    ),
    passes=(_SCALABLE, {**_SCALABLE, "serviceNamespace": "dynamodb", "minCapacity": 1}),
    fails=({"minCapacity": 1}, {"minCapacity": 0}),
)

AUTOSCALING_MAX = ResourceRule(
    id="autoscaling-max-tasks",
    title=f"The service can grow, and to no more than {MAX_TASKS} tasks",
    why="Without room it can't meet a peak; without a limit a fault or an attack becomes a bill.",
    severity=Severity.MEDIUM,
    on=SCALABLE_TARGET,
    keys=("maxCapacity", "minCapacity", "serviceNamespace"),
    absent=Absent(means="AWS refuses a target without it, and says so late"),
    fix=f"Keep Settings.autoscaling_max_tasks above autoscaling_min_tasks and at {MAX_TASKS} or less.",
    controls={WELL_ARCHITECTED: ("REL07-BP01",)},
    check=_ecs_target(all_of(at_most("maxCapacity", MAX_TASKS), _room)),
    threshold=Threshold(
        name="maximumTasks",
        floor=MAX_TASKS,
        check=lambda tasks: _ecs_target(all_of(at_most("maxCapacity", tasks), _room)),
        at_most=True,
    ),
    passes=(_SCALABLE, {**_SCALABLE, "maxCapacity": 3}),
    fails=({"maxCapacity": 9}, {"maxCapacity": 2}, {"maxCapacity": 1}),
)

_CPU = {
    "serviceNamespace": "ecs",
    "policyType": "TargetTrackingScaling",
    "targetTrackingScalingPolicyConfiguration": {
        "predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageCPUUtilization"},
        "targetValue": 70,
    },
}


def _headroom(percent: float) -> Check:
    target = at_most("targetTrackingScalingPolicyConfiguration.targetValue", percent)
    return _ecs_target(unless("policyType", ("StepScaling", "PredictiveScaling"), target))


AUTOSCALING_HEADROOM = ResourceRule(
    id="autoscaling-cpu-target",
    title=f"The service scales before its CPUs are {MAX_CPU_TARGET} % busy",
    why="New tasks take minutes to start; until then the old ones need the headroom.",
    severity=Severity.MEDIUM,
    on=SCALING_POLICY,
    keys=("targetTrackingScalingPolicyConfiguration.targetValue", "policyType", "serviceNamespace"),
    absent=Absent(means="AWS refuses a target tracking policy without it, and says so late"),
    fix=f"Keep Settings.autoscaling_cpu_threshold at {MAX_CPU_TARGET} or less.",
    controls={WELL_ARCHITECTED: ("REL07-BP03",)},
    check=_headroom(MAX_CPU_TARGET),
    threshold=Threshold(name="maximumPercent", floor=MAX_CPU_TARGET, check=_headroom, at_most=True),
    passes=(_CPU, {**_CPU, "policyType": "StepScaling", "targetTrackingScalingPolicyConfiguration": None}),
    fails=({"targetTrackingScalingPolicyConfiguration": {"targetValue": 95}},),
)

_ROLLBACK_EVENTS = ("DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM")

CODE_DEPLOY_ROLLBACK = ResourceRule(
    id="code-deploy-rollback",
    title="A failed deployment, or one that raises an alarm, is taken back by itself",
    why="Customers would wait for someone to wake up.",
    severity=Severity.HIGH,
    on=DEPLOYMENT_GROUP,
    keys=("autoRollbackConfiguration.enabled", "autoRollbackConfiguration.events"),
    absent=Absent(means="AWS takes nothing back"),
    fix="Keep auto_rollback_configuration on for failures and alarms, as prod_infra.compute.blue_green does.",
    controls={WELL_ARCHITECTED: ("OPS06-BP04",)},
    check=all_of(
        equals("autoRollbackConfiguration.enabled", expected=True),
        holds_all("autoRollbackConfiguration.events", _ROLLBACK_EVENTS),
    ),
    passes=({"autoRollbackConfiguration": {"enabled": True, "events": [*_ROLLBACK_EVENTS]}},),
    fails=(
        {"autoRollbackConfiguration": {"enabled": False, "events": [*_ROLLBACK_EVENTS]}},
        {"autoRollbackConfiguration": {"enabled": True, "events": ["DEPLOYMENT_FAILURE"]}},
        {"autoRollbackConfiguration": None},
    ),
)

CODE_DEPLOY_ALARMS = ResourceRule(
    id="code-deploy-alarms",
    title="Alarms watch a deployment",
    why="A revision that starts well and then answers with errors would stay.",
    severity=Severity.MEDIUM,
    on=DEPLOYMENT_GROUP,
    keys=("alarmConfiguration.enabled", "alarmConfiguration.alarms"),
    absent=Absent(means="AWS watches none"),
    fix="Give prod_infra.compute.blue_green the alarms that must stop a deployment.",
    controls={WELL_ARCHITECTED: ("OPS06-BP04",)},
    check=all_of(
        equals("alarmConfiguration.enabled", expected=True),
        equals("alarmConfiguration.ignorePollAlarmFailure", expected=False, absent_ok=True),
        satisfies("alarmConfiguration.alarms", lambda alarms: len(alarms) > 0, "name at least one alarm"),
    ),
    passes=({"alarmConfiguration": {"enabled": True, "alarms": ["errors"]}},),
    fails=(
        {"alarmConfiguration": {"enabled": False, "alarms": ["errors"]}},
        {"alarmConfiguration": {"enabled": True, "alarms": []}},
        {"alarmConfiguration": None},
    ),
)

CODE_DEPLOY_STYLE = ResourceRule(
    id="code-deploy-blue-green",
    title="A deployment builds green beside blue and shifts the traffic",
    why="Otherwise there is no blue to go back to.",
    severity=Severity.HIGH,
    on=DEPLOYMENT_GROUP,
    keys=("deploymentStyle.deploymentType", "deploymentStyle.deploymentOption"),
    absent=Absent(means="AWS deploys in place"),
    fix="Leave deployment_style to prod_infra.compute.blue_green.",
    controls={WELL_ARCHITECTED: ("OPS06-BP03",)},
    check=all_of(
        equals("deploymentStyle.deploymentType", "BLUE_GREEN"),
        equals("deploymentStyle.deploymentOption", "WITH_TRAFFIC_CONTROL"),
    ),
    passes=({"deploymentStyle": {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"}},),
    fails=(
        {"deploymentStyle": {"deploymentType": "IN_PLACE", "deploymentOption": "WITH_TRAFFIC_CONTROL"}},
        {"deploymentStyle": {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITHOUT_TRAFFIC_CONTROL"}},
    ),
)

RULES = (
    SERVICE_NO_PUBLIC_IP,
    SERVICE_BLUE_GREEN,
    AUTOSCALING_MIN,
    AUTOSCALING_MAX,
    AUTOSCALING_HEADROOM,
    CODE_DEPLOY_ROLLBACK,
    CODE_DEPLOY_ALARMS,
    CODE_DEPLOY_STYLE,
)
