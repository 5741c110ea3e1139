"""Differences that are no drift: what CodeDeploy and scaling change by design, recognised by where they lead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from prod_infra.deployment.engine import Reading
from prod_infra.deployment.property_paths import parse

_SERVICE: Final = "aws:ecs/service:Service"
_ACTIONS: Final = {"aws:lb/listener:Listener": "defaultActions", "aws:lb/listenerRule:ListenerRule": "actions"}


class Owners:
    """Knows, from the declared deployment groups and scaling targets, what they may change.

    CodeDeploy moves a service between the two target groups of its deployment group: the service's task definition and
    load balancers, and the actions of the group's listeners and their rules
    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-bluegreen.html). Application Auto
    Scaling moves the desired count between its bounds. Whatever leads elsewhere is drift.

    Args:
        readings: every resource of the stack.
    """

    def __init__(self, readings: Sequence[Reading]) -> None:
        groups = {
            str(found.declared.get("name")): found.id for found in _of(readings, "aws:lb/targetGroup:TargetGroup")
        }
        self._pair_of_listener: dict[str, frozenset[str]] = {}
        self._pair_of_service: dict[str, frozenset[str]] = {}
        for found in _of(readings, "aws:codedeploy/deploymentGroup:DeploymentGroup"):
            service = found.declared.get("ecsService") or {}
            moves = (found.declared.get("loadBalancerInfo") or {}).get("targetGroupPairInfo") or {}
            names = [group["name"] for group in moves.get("targetGroups", ())]
            pair = frozenset(groups[name] for name in names if name in groups)
            self._pair_of_service[f"{service.get('clusterName')}/{service.get('serviceName')}"] = pair
            for route in ("prodTrafficRoute", "testTrafficRoute"):
                for listener in (moves.get(route) or {}).get("listenerArns", ()):
                    self._pair_of_listener[listener] = pair
        self._bounds = {
            str(found.declared.get("resourceId")): tuple(map(found.declared.get, ("minCapacity", "maxCapacity")))
            for found in _of(readings, "aws:appautoscaling/target:Target")
        }

    def owner(self, reading: Reading, path: str) -> str:
        """Return whose change a difference is, and why; empty where it is nobody's, and so is drift."""
        root = str(parse(path)[0])
        if reading.change.type == _SERVICE:
            return self._of_service(reading, root)
        if root == _ACTIONS.get(reading.change.type):
            listener = reading.declared.get("listenerArn", reading.id)
            if _lead_into(reading.actual.get(root), self._pair_of_listener.get(listener, frozenset())):
                return "CodeDeploy: forwards to its pair of target groups"
        return ""

    def _of_service(self, reading: Reading, root: str) -> str:
        cluster = str(reading.declared.get("cluster", "default")).rpartition("/")[2]
        name = f"{cluster}/{reading.declared.get('name')}"
        pair = self._pair_of_service.get(name, frozenset())
        actual = reading.actual.get(root)
        if root == "loadBalancers" and actual and {item.get("targetGroupArn") for item in actual} <= pair:
            return "CodeDeploy: behind one of its pair of target groups"
        if root == "taskDefinition" and pair and _family(actual) == _family(reading.declared.get(root)):
            return "CodeDeploy: another revision of the same family"
        least, most = self._bounds.get(f"service/{name}", (None, None))
        if root == "desiredCount" and least is not None and most is not None and least <= (actual or 0) <= most:
            return f"scaling: between {least} and {most}"
        return ""


def _of(readings: Sequence[Reading], token: str) -> list[Reading]:
    return [found for found in readings if found.change.type == token]


def _lead_into(actions: Sequence[Mapping[str, Any]] | None, pair: frozenset[str]) -> bool:
    """Return whether there are actions, and all forward to groups of the pair and nowhere else."""
    found: list[Any] = []
    for action in actions or ():
        if action.get("type") != "forward":
            return False
        weighted = [group.get("arn") for group in (action.get("forward") or {}).get("targetGroups", ())]
        found += [*weighted, *filter(None, [action.get("targetGroupArn")])]
    return bool(found) and set(found) <= pair


def _family(task_definition: Any) -> str:
    """Return the family in an ARN, or in `family:revision`."""
    return str(task_definition or "").rpartition("/")[2].partition(":")[0]
