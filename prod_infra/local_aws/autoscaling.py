"""Application Auto Scaling: moto has no tags, forgets names when it lists policies, and renames a policy put again.

Follows https://docs.aws.amazon.com/autoscaling/application/APIReference/Welcome.html.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from moto.applicationautoscaling import exceptions, models, responses
from moto.core.exceptions import JsonRESTError

from prod_infra.local_aws.patches import added, around

SUSPENDED = {
    "DynamicScalingInSuspended": False,
    "DynamicScalingOutSuspended": False,
    "ScheduledScalingSuspended": False,
}
SERVICE_ROLE = (
    "arn:aws:iam::{account}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_ECSService"
)


def _target_of(backend: Any, arn: str) -> Any:
    for targets in backend.targets.values():
        for target in targets.values():
            if target.arn == arn:
                return target
    raise JsonRESTError("ResourceNotFoundException", f"The specified resource doesn't exist: {arn}")


def _register_target(register_target: Callable[..., str], response: Any) -> str:
    answer = register_target(response)
    backend = response.applicationautoscaling_backend
    target = _target_of(backend, json.loads(answer)["ScalableTargetARN"])
    target.suspended_state = SUSPENDED | (target.suspended_state or {})
    target.role_arn = target.role_arn or SERVICE_ROLE.format(account=backend.account_id)
    if not hasattr(target, "tags"):
        target.tags = response._get_param("Tags") or {}
    return answer


def _check_capacity(original: Callable[..., Any], backend: Any, *args: Any, **given: Any) -> Any:
    low, high = given["min_capacity"], given["max_capacity"]
    if low is not None and high is not None and low > high:
        raise exceptions.AWSValidationException("Maximum capacity cannot be less than minimum capacity")
    return original(backend, *args, **given)


def _deregister_target(original: Callable[..., None], backend: Any, namespace: str, r_id: str, dimension: str) -> None:
    original(backend, namespace, r_id, dimension)
    # AWS deletes a target's policies with it.
    for key, policy in list(backend.policies.items()):
        if (policy.service_namespace, policy.resource_id, policy.scalable_dimension) == (namespace, r_id, dimension):
            policy.delete_alarms(backend.account_id, backend.region_name)
            del backend.policies[key]


def _put_policy(original: Callable[..., Any], backend: Any, **given: Any) -> Any:
    targets = backend.targets.get(given["scalable_dimension"], {})
    if given["resource_id"] not in targets:
        raise JsonRESTError(
            "ObjectNotFoundException",
            f"No scalable target registered for service namespace: {given['service_namespace']}, "
            f"resource ID: {given['resource_id']}, scalable dimension: {given['scalable_dimension']}",
        )
    key = models.FakeApplicationAutoscalingPolicy.formulate_key(
        *(given[name] for name in ("service_namespace", "resource_id", "scalable_dimension", "policy_name"))
    )
    old = backend.policies.get(key)
    policy = original(backend, **given)
    if old is not None:
        old.delete_alarms(backend.account_id, backend.region_name)
        policy.policy_arn, policy.creation_time = old.policy_arn, old.creation_time
    return policy


def _describe_policies(original: Callable[..., str], response: Any) -> str:
    answer = json.loads(original(response))
    names = response._get_param("PolicyNames")
    resource = response._get_param("ResourceId")
    answer["ScalingPolicies"] = [
        policy
        for policy in answer["ScalingPolicies"]
        if (not names or policy["PolicyName"] in names) and (not resource or policy["ResourceId"] == resource)
    ]
    return json.dumps(answer)


def _list_tags(response: Any) -> str:
    target = _target_of(response.applicationautoscaling_backend, response._get_param("ResourceARN"))
    return json.dumps({"Tags": target.tags})


def _tag(response: Any) -> str:
    target = _target_of(response.applicationautoscaling_backend, response._get_param("ResourceARN"))
    target.tags |= response._get_param("Tags")
    return json.dumps({})


def _untag(response: Any) -> str:
    target = _target_of(response.applicationautoscaling_backend, response._get_param("ResourceARN"))
    for key in response._get_param("TagKeys"):
        target.tags.pop(key, None)
    return json.dumps({})


def register() -> None:
    """Add tags, and mend the round trip of targets and policies."""
    calls, backend = responses.ApplicationAutoScalingResponse, models.ApplicationAutoscalingBackend
    around(calls, "register_scalable_target")(_register_target)
    around(calls, "describe_scaling_policies")(_describe_policies)
    added(calls, "list_tags_for_resource")(_list_tags)
    added(calls, "tag_resource")(_tag)
    added(calls, "untag_resource")(_untag)
    around(backend, "register_scalable_target")(_check_capacity)
    around(backend, "deregister_scalable_target")(_deregister_target)
    around(backend, "put_scaling_policy")(_put_policy)
