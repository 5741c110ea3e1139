"""Application Auto Scaling: scalable targets and scaling policies."""

from __future__ import annotations

from typing import Any

from prod_infra.local_aws.provider.handler import AutoName, Handler
from prod_infra.local_aws.provider.handlers.common import (
    absent_is_fine,
    camel,
    compact,
    pascal,
    tag_changes,
    tag_state,
)
from prod_infra.properties import Props

_NO_OBJECT = "ObjectNotFoundException"
_KEYS = ("serviceNamespace", "resourceId", "scalableDimension")


def _address(props: Props) -> Props:
    """Return the three values by which AWS knows a scalable target."""
    return dict(pascal({key: props[key] for key in _KEYS}))


class Target(Handler):
    """What may be scaled, and between which bounds. Its ID is AWS's resource ID."""

    token = "aws:appautoscaling/target:Target"
    inputs = frozenset({*_KEYS, "maxCapacity", "minCapacity", "roleArn", "suspendedState", "tags"})
    nested_inputs = {
        "suspendedState": frozenset(
            {"dynamicScalingInSuspended", "dynamicScalingOutSuspended", "scheduledScalingSuspended"}
        ),
    }
    replace_on = frozenset(_KEYS)
    outputs = frozenset({"arn", "roleArn", "suspendedState", "tagsAll"})

    def _register(self, inputs: Props, **more: Any) -> Any:
        bounds = {key: inputs.get(key) for key in ("minCapacity", "maxCapacity", "suspendedState")}
        role = {"roleARN": inputs.get("roleArn")}
        return self.clients("application-autoscaling").register_scalable_target(
            **_address(inputs), **pascal({**bounds, **role}), **more
        )

    def faults(self, inputs: Props) -> dict[str, str]:
        """Refuse a minimum above the maximum."""
        low, high = inputs.get("minCapacity"), inputs.get("maxCapacity")
        if isinstance(low, int) and isinstance(high, int) and low > high:
            return {"minCapacity": f"is {low}, above maxCapacity, which is {high}"}
        return {}

    def create(self, inputs: Props) -> str:
        """Register the target."""
        self._register(inputs, **compact({"Tags": inputs.get("tags") or None}))
        return self.made(str(inputs["resourceId"]))

    def _target(self, props: Props) -> Any | None:
        address = _address(props)
        answer = self.clients("application-autoscaling").describe_scalable_targets(
            ServiceNamespace=address["ServiceNamespace"],
            ResourceIds=[address["ResourceId"]],
            ScalableDimension=address["ScalableDimension"],
        )
        return next(iter(answer["ScalableTargets"]), None)

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the target; namespace and dimension come from the state, the ID holds neither."""
        del resource_id
        held = self._target(state)
        if held is None:
            return None
        arn = held.get("ScalableTargetARN")
        client = self.clients("application-autoscaling")
        tags = client.list_tags_for_resource(ResourceARN=arn)["Tags"] if arn else {}
        return {
            **camel({key: held.get(key) for key in ("ServiceNamespace", "ResourceId", "ScalableDimension")}),
            "minCapacity": held["MinCapacity"],
            "maxCapacity": held["MaxCapacity"],
            **compact(
                {
                    "arn": arn,
                    "roleArn": held.get("RoleARN"),
                    "suspendedState": camel(held["SuspendedState"]) if held.get("SuspendedState") else None,
                }
            ),
            **tag_state(tags),
        }

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Register again, which sets bounds and suspension; and set tags."""
        del resource_id
        if changed - {"tags"}:
            self._register(new)
        if "tags" in changed:
            to_set, to_remove = tag_changes(old.get("tags"), new.get("tags"))
            client = self.clients("application-autoscaling")
            if to_remove:
                client.untag_resource(ResourceARN=old["arn"], TagKeys=to_remove)
            if to_set:
                client.tag_resource(ResourceARN=old["arn"], Tags=to_set)

    def delete(self, resource_id: str, state: Props) -> None:
        """Deregister the target."""
        del resource_id
        if self._target(state):
            with absent_is_fine(_NO_OBJECT):
                self.clients("application-autoscaling").deregister_scalable_target(**_address(state))

    def find(self, inputs: Props) -> str | None:
        """Return the resource ID if it is registered."""
        return str(inputs["resourceId"]) if self._target(inputs) else None


class Policy(Handler):
    """How a target is scaled. Its ID is its name."""

    token = "aws:appautoscaling/policy:Policy"
    inputs = frozenset(
        {
            *_KEYS,
            "name",
            "policyType",
            "stepScalingPolicyConfiguration",
            "targetTrackingScalingPolicyConfiguration",
        }
    )
    replace_on = frozenset({*_KEYS, "name"})
    defaults = {"policyType": "StepScaling"}
    outputs = frozenset({"alarmArns", "arn"})
    auto_name = AutoName(max_length=255)

    def create(self, inputs: Props) -> str:
        """Put the policy."""
        tracking = inputs.get("targetTrackingScalingPolicyConfiguration")
        stepping = inputs.get("stepScalingPolicyConfiguration")
        self.clients("application-autoscaling").put_scaling_policy(
            **_address(inputs),
            **compact(
                {
                    "PolicyName": inputs["name"],
                    "PolicyType": inputs["policyType"],
                    "TargetTrackingScalingPolicyConfiguration": tracking and pascal(tracking),
                    "StepScalingPolicyConfiguration": stepping and _stepping(stepping),
                }
            ),
        )
        return self.made(str(inputs["name"]))

    def _policy(self, props: Props) -> Any | None:
        pages = (
            self.clients("application-autoscaling")
            .get_paginator("describe_scaling_policies")
            .paginate(**_address(props))
        )
        policies = (policy for page in pages for policy in page["ScalingPolicies"])
        return next((policy for policy in policies if policy["PolicyName"] == props["name"]), None)

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the policy; the target's address comes from the state, the ID holds none of it."""
        held = self._policy({**state, "name": resource_id})
        if held is None:
            return None
        tracking = held.get("TargetTrackingScalingPolicyConfiguration")
        stepping = held.get("StepScalingPolicyConfiguration")
        return {
            **camel({key: held[key] for key in ("ServiceNamespace", "ResourceId", "ScalableDimension")}),
            "name": held["PolicyName"],
            "policyType": held["PolicyType"],
            "arn": held["PolicyARN"],
            "alarmArns": [alarm["AlarmARN"] for alarm in held.get("Alarms", ())],
            **compact(
                {
                    "targetTrackingScalingPolicyConfiguration": tracking and camel(tracking),
                    "stepScalingPolicyConfiguration": stepping and _stepping_state(stepping),
                }
            ),
        }

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Put the policy again."""
        del resource_id, old, changed
        self.create(new)

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the policy and the alarms that AWS made for it."""
        if self._policy({**state, "name": resource_id}):
            with absent_is_fine(_NO_OBJECT):
                self.clients("application-autoscaling").delete_scaling_policy(**_address(state), PolicyName=resource_id)

    def find(self, inputs: Props) -> str | None:
        """Return the name if the target has such a policy."""
        return str(inputs["name"]) if self._policy(inputs) else None


_BOUNDS = ("metricIntervalLowerBound", "metricIntervalUpperBound")


def _stepping(configuration: Props) -> Any:
    """Return step scaling as AWS takes it; Pulumi has the bounds of a step as text, so that 0 differs from none."""
    steps = [
        {**step, **{key: float(step[key]) for key in _BOUNDS if step.get(key) not in {None, ""}}}
        for step in configuration.get("stepAdjustments") or ()
    ]
    return pascal({**configuration, "stepAdjustments": steps})


def _stepping_state(configuration: Props) -> Any:
    """Return step scaling as Pulumi has it."""
    held = camel(configuration)
    for step in held.get("stepAdjustments", ()):
        step.update({key: f"{step[key]:g}" for key in _BOUNDS if key in step})
    return held


HANDLERS: tuple[type[Handler], ...] = (Target, Policy)
