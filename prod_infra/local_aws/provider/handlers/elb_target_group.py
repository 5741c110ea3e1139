"""Target groups of load balancers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from prod_infra.local_aws.provider.handler import AutoName
from prod_infra.local_aws.provider.handlers.common import absent_is_fine, compact, found
from prod_infra.local_aws.provider.handlers.elb_common import ElbHandler
from prod_infra.properties import Props

_NO_GROUP: Final = "TargetGroupNotFound"
_HEALTH: Final = {
    "enabled": "HealthCheckEnabled",
    "healthyThreshold": "HealthyThresholdCount",
    "interval": "HealthCheckIntervalSeconds",
    "path": "HealthCheckPath",
    "port": "HealthCheckPort",
    "protocol": "HealthCheckProtocol",
    "timeout": "HealthCheckTimeoutSeconds",
    "unhealthyThreshold": "UnhealthyThresholdCount",
}
# What pulumi-aws sends where the program is silent.
_HEALTH_DEFAULTS: Final[Mapping[str, Any]] = {
    "enabled": True,
    "healthyThreshold": 3,
    "interval": 30,
    "port": "traffic-port",
    "protocol": "HTTP",
    "unhealthyThreshold": 3,
}
_COOKIE_SECONDS: Final = 86400


class TargetGroup(ElbHandler):
    """Targets of one kind, and how their health is checked."""

    token = "aws:lb/targetGroup:TargetGroup"
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html
    attributes = {
        "deregistrationDelay": ("deregistration_delay.timeout_seconds", 300),
        "loadBalancingAlgorithmType": ("load_balancing.algorithm.type", "round_robin"),
        "loadBalancingAnomalyMitigation": ("load_balancing.algorithm.anomaly_mitigation", "off"),
        "loadBalancingCrossZoneEnabled": ("load_balancing.cross_zone.enabled", "use_load_balancer_configuration"),
        "slowStart": ("slow_start.duration_seconds", 0),
    }
    inputs = frozenset(
        {
            "healthCheck",
            "ipAddressType",
            "name",
            "port",
            "protocol",
            "protocolVersion",
            "stickiness",
            "tags",
            "targetType",
            "vpcId",
            *attributes,
        }
    )
    nested_inputs = {
        "healthCheck": frozenset({*_HEALTH, "matcher"}),
        "stickiness": frozenset({"cookieDuration", "cookieName", "enabled", "type"}),
    }
    replace_on = frozenset({"ipAddressType", "name", "port", "protocol", "protocolVersion", "targetType", "vpcId"})
    defaults = {"targetType": "instance"}
    when_absent = {
        "healthCheck": _HEALTH_DEFAULTS,
        "stickiness": {"type": "lb_cookie"},
        **{name: own for name, (_, own) in attributes.items() if own},
    }
    outputs = frozenset(
        {
            "arn",
            "arnSuffix",
            "healthCheck.matcher",
            "healthCheck.path",
            "healthCheck.timeout",
            "ipAddressType",
            "protocolVersion",
            "stickiness.cookieDuration",
            "tagsAll",
        }
    )
    auto_name = AutoName(max_length=32)

    def create(self, inputs: Props) -> str:
        """Create the group with its health check, and set its attributes."""
        names = {
            "ipAddressType": "IpAddressType",
            "port": "Port",
            "protocol": "Protocol",
            "protocolVersion": "ProtocolVersion",
            "vpcId": "VpcId",
        }
        answer = self.clients("elbv2").create_target_group(
            Name=inputs["name"],
            TargetType=inputs["targetType"],
            **self.arguments(inputs, names),
            **self._health(inputs),
            **self.tagging(inputs),
        )
        arn = self.made(answer["TargetGroups"][0]["TargetGroupArn"])
        self._set(arn, inputs, frozenset(name for name, value in inputs.items() if value is not None))
        return arn

    def _health(self, inputs: Props) -> dict[str, Any]:
        health = {**_HEALTH_DEFAULTS, **compact(inputs.get("healthCheck") or {})}
        matcher = {"Matcher": {"HttpCode": health["matcher"]}} if health.get("matcher") else {}
        return {**self.arguments({**health, "port": str(health["port"])}, _HEALTH), **matcher}

    def _set(self, arn: str, inputs: Props, names: frozenset[str]) -> None:
        sent = self.to_attributes(inputs, names)
        if "stickiness" in names:
            stickiness = inputs.get("stickiness") or {}
            kind = stickiness.get("type") or "lb_cookie"
            enabled = bool(stickiness) and stickiness.get("enabled") is not False
            seconds = stickiness.get("cookieDuration") or _COOKIE_SECONDS
            sent += [
                {"Key": "stickiness.enabled", "Value": str(enabled).lower()},
                {"Key": "stickiness.type", "Value": kind},
                {"Key": f"stickiness.{kind}.duration_seconds", "Value": str(seconds)},
            ]
            if stickiness.get("cookieName"):
                sent.append({"Key": "stickiness.app_cookie.cookie_name", "Value": stickiness["cookieName"]})
        if sent:
            self.clients("elbv2").modify_target_group_attributes(TargetGroupArn=arn, Attributes=sent)

    def _described(self, arn: str) -> dict[str, Any] | None:
        said = found(lambda: self.clients("elbv2").describe_target_groups(TargetGroupArns=[arn]), _NO_GROUP)
        return dict(said["TargetGroups"][0]) if said and said["TargetGroups"] else None

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the group with its attributes. `loadBalancerArns` is left out: each new listener would be drift."""
        del state
        group = self._described(resource_id)
        if group is None:
            return None
        said = self.clients("elbv2").describe_target_group_attributes(TargetGroupArn=resource_id)["Attributes"]
        values = {item["Key"]: item.get("Value", "") for item in said}
        kind = values.get("stickiness.type") or "lb_cookie"
        return {
            **self.from_attributes(said),
            "healthCheck": compact(
                {
                    **{name: group.get(key) for name, key in _HEALTH.items()},
                    "matcher": group.get("Matcher", {}).get("HttpCode"),
                }
            ),
            "stickiness": {
                "enabled": values.get("stickiness.enabled") == "true",
                "type": kind,
                "cookieDuration": int(values.get(f"stickiness.{kind}.duration_seconds") or _COOKIE_SECONDS),
                "cookieName": values.get("stickiness.app_cookie.cookie_name", ""),
            },
            "ipAddressType": group.get("IpAddressType"),
            "name": group["TargetGroupName"],
            "port": group.get("Port"),
            "protocol": group.get("Protocol"),
            "protocolVersion": group.get("ProtocolVersion"),
            "targetType": group["TargetType"],
            "vpcId": group.get("VpcId"),
            "arn": resource_id,
            "arnSuffix": resource_id.rpartition(":")[2],
            **self.tags(resource_id),
        }

    def find(self, inputs: Props) -> str | None:
        """Return the group with this name."""
        said = found(lambda: self.clients("elbv2").describe_target_groups(Names=[inputs["name"]]), _NO_GROUP)
        return str(said["TargetGroups"][0]["TargetGroupArn"]) if said and said["TargetGroups"] else None

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Set health check, attributes and tags."""
        if "healthCheck" in changed:
            self.clients("elbv2").modify_target_group(TargetGroupArn=resource_id, **self._health(new))
        self._set(resource_id, new, changed)
        self.update_tags(resource_id, old, new)

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the group, which no listener may use."""
        del state
        with absent_is_fine(_NO_GROUP):
            self.clients("elbv2").delete_target_group(TargetGroupArn=resource_id)


HANDLERS = (TargetGroup,)
