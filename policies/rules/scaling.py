"""How fast the service grows and shrinks, and that it does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.checks import Props, all_of, at_least, at_most, equals, unless
from policies.rule import WELL_ARCHITECTED, Absent, ResourceRule, Severity
from policies.rules.services import MIN_TASKS
from policies.tokens import SCALABLE_TARGET, SCALING_POLICY, SCHEDULED_SCALING

MAX_SCALE_OUT_SECONDS = 300
MIN_SCALE_IN_SECONDS = 60

_SUSPENDED = ("dynamicScalingInSuspended", "dynamicScalingOutSuspended", "scheduledScalingSuspended")

SCALING_ON = ResourceRule(
    id="autoscaling-not-suspended",
    title="Scaling is not suspended",
    why="Suspended scaling looks like scaling until the peak.",
    severity=Severity.MEDIUM,
    on=SCALABLE_TARGET,
    keys=("suspendedState", *(f"suspendedState.{key}" for key in _SUSPENDED)),
    absent=Absent(means="AWS scales", passes=True),
    fix="Leave suspended_state out, as prod_infra.compute.autoscaling does.",
    controls={WELL_ARCHITECTED: ("REL07-BP01",)},
    check=all_of(*(equals(f"suspendedState.{key}", expected=False, absent_ok=True) for key in _SUSPENDED)),
    passes=({"suspendedState": dict.fromkeys(_SUSPENDED, False)}, {}),
    fails=tuple({"suspendedState": {key: True}} for key in _SUSPENDED),
)

_TRACKING = "targetTrackingScalingPolicyConfiguration"


def _cooldowns(props: Props) -> Iterator[str]:
    if props.get("policyType") == "TargetTrackingScaling":
        policy = props.get(_TRACKING) or {}
        yield from all_of(
            at_least("scaleInCooldown", MIN_SCALE_IN_SECONDS, absent_ok=True),
            at_least("scaleOutCooldown", 0, absent_ok=True),
        )(policy)
        if policy.get("scaleOutCooldown") is not None:
            yield from at_most("scaleOutCooldown", MAX_SCALE_OUT_SECONDS)(policy)


def _tracking(**config: Any) -> Mapping[str, Any]:
    return {"policyType": "TargetTrackingScaling", _TRACKING: {"targetValue": 70, **config}}


SCALING_PACE = ResourceRule(
    id="autoscaling-pace",
    title=f"A service grows again within {MAX_SCALE_OUT_SECONDS} seconds, and shrinks in no haste",
    why="Slow to grow, it fails at the peak; quick to shrink, it stops tasks that it needs a minute later.",
    severity=Severity.LOW,
    on=SCALING_POLICY,
    keys=(f"{_TRACKING}.scaleOutCooldown", f"{_TRACKING}.scaleInCooldown", "policyType"),
    absent=Absent(means="AWS waits 300 seconds", passes=True),
    fix="Keep the cooldowns of prod_infra.compute.autoscaling.",
    controls={WELL_ARCHITECTED: ("REL07-BP03",)},
    check=_cooldowns,
    passes=(_tracking(scaleOutCooldown=60, scaleInCooldown=300), {"policyType": "StepScaling"}),
    fails=(_tracking(scaleOutCooldown=6000), _tracking(scaleInCooldown=0), _tracking(scaleOutCooldown=-1)),
)

_NIGHT = {"serviceNamespace": "ecs", "scalableTargetAction": {"minCapacity": 2, "maxCapacity": 4}}

SCHEDULE_KEEPS_TASKS = ResourceRule(
    id="autoscaling-schedule-min-tasks",
    title=f"No schedule leaves fewer than {MIN_TASKS} tasks",
    why="At night, too, one task is one zone, and none is an outage.",
    severity=Severity.HIGH,
    on=SCHEDULED_SCALING,
    keys=("scalableTargetAction", "scalableTargetAction.minCapacity", "scalableTargetAction.maxCapacity"),
    absent=Absent(means="AWS refuses a schedule without it, and says so late", passes=True),
    fix=f"Give the schedule a min_capacity and a max_capacity of {MIN_TASKS} or more.",
    controls={WELL_ARCHITECTED: ("REL07-BP01",)},
    check=unless(
        "serviceNamespace",
        ("dynamodb", "lambda", "custom-resource"),
        all_of(
            at_least("scalableTargetAction.minCapacity", MIN_TASKS, absent_ok=True),
            at_least("scalableTargetAction.maxCapacity", MIN_TASKS, absent_ok=True),
        ),
    ),
    passes=(_NIGHT, {**_NIGHT, "serviceNamespace": "dynamodb", "scalableTargetAction": {"minCapacity": 1}}),
    fails=({"scalableTargetAction": {"minCapacity": 0}}, {"scalableTargetAction": {"maxCapacity": 1}}),
)

RULES = (SCHEDULE_KEEPS_TASKS, SCALING_ON, SCALING_PACE)
