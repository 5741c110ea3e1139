"""Load balancing: the health of targets follows the tasks behind them, and listeners shift weights between two groups.

moto calls every registered target healthy, and does not tell what AWS fills in. States and reason codes follow
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from moto.elbv2.models import ELBv2Backend, FakeAction, FakeHealthStatus, FakeTargetGroup, elbv2_backends

from prod_infra.local_aws import admin
from prod_infra.local_aws.ecs import tasks as ecs_tasks
from prod_infra.local_aws.patches import around
from prod_infra.local_aws.timeline import TICK_SECONDS, TIMELINE

FIRST_CHECK_SECONDS: Final = 5.0
"""From the registration to the first health check; one that passes makes the target healthy."""

REASONS: Final[Mapping[str, str]] = {
    "Elb.InitialHealthChecking": "Initial health checks in progress",
    "Target.DeregistrationInProgress": "Target deregistration is in progress",
    "Target.NotInUse": "Target group is not configured to receive traffic from the load balancer",
    "Target.ResponseCodeMismatch": "Health checks failed with these codes: [500]",
    "Target.Timeout": "Request timed out",
}
"""Description of each reason code."""


_REDIRECT: Final = {
    "Protocol": "#{protocol}",
    "Port": "#{port}",
    "Host": "#{host}",
    "Path": "/#{path}",
    "Query": "#{query}",
}
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RedirectActionConfig.html"""

_ATTRIBUTES: Final = {
    "access_logs.s3.enabled": "false",
    "client_keep_alive.seconds": "3600",
    "connection_logs.s3.bucket": "",
    "connection_logs.s3.enabled": "false",
    "connection_logs.s3.prefix": "",
    "idle_timeout.timeout_seconds": "60",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
    "zonal_shift.config.enabled": "false",
}
"""What an ALB has unless told otherwise, and moto leaves out:
https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html."""


@dataclass(eq=False)
class Target:
    """A registered target.

    Attributes:
        id: IP address or instance ID.
        port: where it gets requests.
        state: `initial`, `healthy`, `unhealthy` or `draining`.
        reason: AWS's code, or nothing when healthy.
        streak: health checks in a row that contradict the state.
    """

    id: str
    port: int
    state: str = "initial"
    reason: str = "Elb.InitialHealthChecking"
    streak: int = 0


_TARGETS: Final[dict[str, dict[str, Target]]] = {}
"""By the target group's ARN and the target's ID."""
admin.ON_RESET.append(_TARGETS.clear)


def states(region: str, target_group_arn: str) -> dict[str, str]:
    """Return the state of each target of a group, by IP address, as describe_target_health tells it."""
    for account in list(elbv2_backends):
        group = elbv2_backends[account][region].target_groups.get(target_group_arn)
        if group is not None:
            targets = _TARGETS.get(target_group_arn, {})
            return {target.id: _seen(group, target)[0] for target in targets.values()}
    return {}


def is_in_use(backend: Any, target_group_arn: str) -> bool:
    """Return whether a listener forwards to a target group, be its weight 0."""
    return any(
        target_group_arn in _forwarded(action)
        for balancer in backend.load_balancers.values()
        for listener in balancer.listeners.values()
        for rule in listener.rules.values()
        for action in rule.actions
    )


def _forwarded(action: Any) -> dict[str, int]:
    """Return the weight of each target group to which an action forwards."""
    config = action.data.get("ForwardConfig") or {}
    weights = {each["TargetGroupArn"]: int(each.get("Weight", 1)) for each in config.get("TargetGroups") or ()}
    return weights or ({action.data["TargetGroupArn"]: 1} if action.data.get("TargetGroupArn") else {})


def _forwards(backend: Any, listener_arn: str, pair: Sequence[str]) -> Iterator[tuple[Any, Any, int]]:
    """Return listener, rule and place of each action that forwards to these two groups and no other."""
    for balancer in backend.load_balancers.values():
        if listener := balancer.listeners.get(listener_arn):
            for rule in listener.rules.values():
                for place, action in enumerate(rule.actions):
                    groups = _forwarded(action)
                    if groups and set(groups) <= set(pair):
                        yield listener, rule, place


def weights(backend: Any, listener_arn: str, pair: Sequence[str]) -> dict[str, int] | None:
    """Return how a listener spreads requests over two target groups.

    Args:
        backend: moto's ELBv2 backend.
        listener_arn: the listener.
        pair: ARNs of the two groups.

    Returns:
        Percent of each group's ARN, in the first action that forwards to these two; None if there is no such action.
    """
    for _, rule, place in _forwards(backend, listener_arn, pair):
        held = _forwarded(rule.actions[place])
        return {arn: 100 * held.get(arn, 0) // (sum(held.values()) or 1) for arn in pair}
    return None


def shift(backend: Any, listener_arn: str, percent: Mapping[str, int]) -> None:
    """Spread a listener's requests over two target groups.

    Every action of its rules, the default rule too, that forwards to these groups and no other is rewritten
    (docs/decisions/codedeploy.md says why rules count).

    Args:
        backend: moto's ELBv2 backend.
        listener_arn: the listener.
        percent: weight of each of the two groups by ARN, together 100.
    """
    groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in percent.items()]
    for listener, rule, place in list(_forwards(backend, listener_arn, list(percent))):
        kept = {key: value for key, value in rule.actions[place].data.items() if key == "Order"}
        forward = {"Type": "forward", **kept, "ForwardConfig": {"TargetGroups": [dict(group) for group in groups]}}
        rule.actions[place] = FakeAction(forward)
        if rule.is_default:
            listener.default_actions = rule.actions
        for arn in percent:
            held = backend.target_groups[arn].load_balancer_arns
            if listener.load_balancer_arn not in held:
                held.append(listener.load_balancer_arn)


def _register(original: Callable[..., None], group: Any, targets: list[dict[str, Any]]) -> None:
    original(group, targets)
    held = _TARGETS.setdefault(group.arn, {})
    for each in targets:
        known = held.get(each["Id"])
        if known is None or known.state == "draining":
            target = held[each["Id"]] = Target(each["Id"], int(each.get("Port") or group.port))
            _check_after(FIRST_CHECK_SECONDS, group, target)


def _deregister(original: Callable[..., None], group: Any, targets: list[dict[str, Any]]) -> None:
    original(group, targets)
    held = _TARGETS.setdefault(group.arn, {})
    for each in targets:
        target = held[each["Id"]]
        target.state, target.reason = "draining", "Target.DeregistrationInProgress"
        delay = float(group.attributes["deregistration_delay.timeout_seconds"])
        TIMELINE.after(delay, partial(_forget, held, target))


def _forget(held: dict[str, Target], target: Target) -> None:
    if held.get(target.id) is target:
        del held[target.id]


def _check_after(seconds: float, group: Any, target: Target) -> None:
    # However fast time passes, checks must leave the calls a turn.
    TIMELINE.after(max(seconds, TICK_SECONDS * TIMELINE.factor), lambda: _check(group, target))


def _check(group: Any, target: Target) -> None:
    """Check a target's health, and again at the group's interval until it leaves the group."""
    groups = elbv2_backends[group.account_id][group.region_name].target_groups
    held = _TARGETS.get(group.arn, {}).get(target.id)
    if held is not target or target.state == "draining" or groups.get(group.arn) is not group:
        return
    fault = _fault(group.region_name, target.id)
    state = "unhealthy" if fault else "healthy"
    target.streak = 0 if state == target.state else target.streak + 1
    # The first check that passes is enough for a new target; later changes take a row of them.
    needed = int(group.unhealthy_threshold_count if fault else group.healthy_threshold_count)
    if target.streak and (target.streak >= needed or (target.state == "initial" and not fault)):
        target.state, target.reason, target.streak = state, fault, 0
    _check_after(float(group.health_check_interval_seconds), group, target)


def _fault(region: str, address: str) -> str:
    """Return AWS's reason code for a check that fails now, or nothing; a target that is no task always answers."""
    task = ecs_tasks.task_at(region, address)
    if task is None:
        return ""
    if not task.is_serving:
        return "Target.Timeout"
    return "Target.ResponseCodeMismatch" if task.fails else ""


def _seen(group: Any, target: Target) -> tuple[str, str]:
    """Return a target's state and reason as AWS tells it: without a listener nothing is checked."""
    backend = elbv2_backends[group.account_id][group.region_name]
    if target.state != "draining" and not is_in_use(backend, group.arn):
        return "unused", "Target.NotInUse"
    return target.state, target.reason


def _health_for(original: Callable[..., Any], group: Any, target: dict[str, Any], ec2_backend: Any) -> Any:
    held = _TARGETS.get(group.arn, {}).get(target["Id"])
    if held is None or target["Id"].startswith("i-"):
        return original(group, target, ec2_backend)
    state, reason = _seen(group, held)
    checked = str(held.port) if group.health_check_port == "traffic-port" else group.health_check_port
    return FakeHealthStatus(held.id, str(held.port), checked, state, reason or None, REASONS.get(reason))


def _describe_health(
    original: Callable[..., Any], backend: Any, target_group_arn: str, targets: list[dict[str, Any]]
) -> Any:
    # A draining target is listed until its delay is over; moto has forgotten it by then.
    held = _TARGETS.get(target_group_arn, {}).values()
    return original(backend, target_group_arn, targets or [{"Id": target.id} for target in held])


def _action(original: Callable[..., None], action: Any, data: dict[str, Any]) -> None:
    filled = {"RedirectConfig": {**_REDIRECT, **data["RedirectConfig"]}} if data.get("RedirectConfig") else {}
    original(action, {**data, **filled})


def _attributes(original: Callable[..., dict[str, Any]], backend: Any, arn: str) -> dict[str, Any]:
    found = original(backend, arn)
    return {**_ATTRIBUTES, **found} if backend.load_balancers[arn].type == "application" else found


def register() -> None:
    """Let the health of targets follow what is behind them, and tell what AWS fills in."""
    around(FakeAction, "__init__")(_action)
    around(ELBv2Backend, "describe_load_balancer_attributes")(_attributes)
    around(FakeTargetGroup, "register")(_register)
    around(FakeTargetGroup, "deregister")(_deregister)
    around(FakeTargetGroup, "health_for")(_health_for)
    around(ELBv2Backend, "describe_target_health")(_describe_health)
