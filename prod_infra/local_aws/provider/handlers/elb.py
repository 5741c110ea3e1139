"""Load balancers and target groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from prod_infra.local_aws.provider.handler import AutoName
from prod_infra.local_aws.provider.handlers.common import absent_is_fine, compact, found, wait_until
from prod_infra.local_aws.provider.handlers.elb_common import ElbHandler
from prod_infra.properties import Props

_NO_BALANCER: Final = "LoadBalancerNotFound"
_NO_GROUP: Final = "TargetGroupNotFound"
_LOG: Final = frozenset({"bucket", "enabled", "prefix"})


class LoadBalancer(ElbHandler):
    """An application or network load balancer."""

    token = "aws:lb/loadBalancer:LoadBalancer"
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html
    attributes = {
        "clientKeepAlive": ("client_keep_alive.seconds", 3600),
        "desyncMitigationMode": ("routing.http.desync_mitigation_mode", "defensive"),
        "dropInvalidHeaderFields": ("routing.http.drop_invalid_header_fields.enabled", False),
        "enableCrossZoneLoadBalancing": ("load_balancing.cross_zone.enabled", False),
        "enableDeletionProtection": ("deletion_protection.enabled", False),
        "enableHttp2": ("routing.http2.enabled", True),
        "enableTlsVersionAndCipherSuiteHeaders": ("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", False),
        "enableWafFailOpen": ("waf.fail_open.enabled", False),
        "enableXffClientPort": ("routing.http.xff_client_port.enabled", False),
        "enableZonalShift": ("zonal_shift.config.enabled", False),
        "idleTimeout": ("idle_timeout.timeout_seconds", 60),
        "preserveHostHeader": ("routing.http.preserve_host_header.enabled", False),
        "xffHeaderProcessingMode": ("routing.http.xff_header_processing.mode", "append"),
    }
    inputs = frozenset(
        {
            "accessLogs",
            "connectionLogs",
            "internal",
            "ipAddressType",
            "loadBalancerType",
            "name",
            "securityGroups",
            "subnets",
            "tags",
            *attributes,
        }
    )
    nested_inputs = {"accessLogs": _LOG, "connectionLogs": _LOG}
    replace_on = frozenset({"internal", "loadBalancerType", "name"})
    defaults = {"loadBalancerType": "application"}
    when_absent = {name: own for name, (_, own) in attributes.items() if own and name != "enableCrossZoneLoadBalancing"}
    set_inputs = frozenset({"securityGroups", "subnets"})
    outputs = frozenset(
        {
            "arn",
            "arnSuffix",
            "dnsName",
            # An application load balancer's is on, and a network load balancer's off.
            "enableCrossZoneLoadBalancing",
            "internal",
            "ipAddressType",
            "securityGroups",
            "subnets",
            "tagsAll",
            "vpcId",
            "zoneId",
        }
    )
    auto_name = AutoName(max_length=32)

    def create(self, inputs: Props) -> str:
        """Create the load balancer, set its attributes, and wait until it is active."""
        elb = self.clients("elbv2")
        answer = elb.create_load_balancer(
            Name=inputs["name"],
            Type=inputs["loadBalancerType"],
            Scheme="internal" if inputs.get("internal") else "internet-facing",
            **self.arguments(
                inputs, {"ipAddressType": "IpAddressType", "securityGroups": "SecurityGroups", "subnets": "Subnets"}
            ),
            **self.tagging(inputs),
        )
        arn = self.made(answer["LoadBalancers"][0]["LoadBalancerArn"])
        self._set(arn, inputs, frozenset(name for name, value in inputs.items() if value is not None))

        def active() -> bool:
            described = self._described(arn) or {}
            return described.get("State", {}).get("Code") in {"active", "active_impaired"}

        wait_until(f"load balancer {inputs['name']!r} is active", active)
        return arn

    def _set(self, arn: str, inputs: Props, names: frozenset[str]) -> None:
        sent = self.to_attributes(inputs, names)
        for name, prefix in (("accessLogs", "access_logs"), ("connectionLogs", "connection_logs")):
            if name in names:
                logs = inputs.get(name) or {}
                sent.append({"Key": f"{prefix}.s3.enabled", "Value": str(bool(logs.get("enabled"))).lower()})
                sent.extend(
                    {"Key": f"{prefix}.s3.{key}", "Value": logs[key]} for key in ("bucket", "prefix") if logs.get(key)
                )
        if sent:
            self.clients("elbv2").modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=sent)

    def _described(self, arn: str) -> dict[str, Any] | None:
        said = found(lambda: self.clients("elbv2").describe_load_balancers(LoadBalancerArns=[arn]), _NO_BALANCER)
        return dict(said["LoadBalancers"][0]) if said and said["LoadBalancers"] else None

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the load balancer with its attributes."""
        del state
        balancer = self._described(resource_id)
        if balancer is None:
            return None
        said = self.clients("elbv2").describe_load_balancer_attributes(LoadBalancerArn=resource_id)["Attributes"]
        return {
            **self.from_attributes(said),
            "accessLogs": _shown_logs(said, "access_logs"),
            "connectionLogs": _shown_logs(said, "connection_logs"),
            "internal": balancer.get("Scheme") == "internal",
            "ipAddressType": balancer.get("IpAddressType"),
            "loadBalancerType": balancer["Type"],
            "name": balancer["LoadBalancerName"],
            "securityGroups": sorted(balancer.get("SecurityGroups", [])),
            "subnets": sorted(zone["SubnetId"] for zone in balancer["AvailabilityZones"]),
            "arn": resource_id,
            "arnSuffix": resource_id.partition(":loadbalancer/")[2],
            "dnsName": balancer["DNSName"],
            "vpcId": balancer["VpcId"],
            "zoneId": balancer["CanonicalHostedZoneId"],
            **self.tags(resource_id),
        }

    def find(self, inputs: Props) -> str | None:
        """Return the load balancer with this name."""
        said = found(lambda: self.clients("elbv2").describe_load_balancers(Names=[inputs["name"]]), _NO_BALANCER)
        return str(said["LoadBalancers"][0]["LoadBalancerArn"]) if said and said["LoadBalancers"] else None

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Set subnets, groups, address type, attributes and tags."""
        elb = self.clients("elbv2")
        if "subnets" in changed:
            elb.set_subnets(LoadBalancerArn=resource_id, Subnets=new["subnets"])
        if "securityGroups" in changed:
            elb.set_security_groups(LoadBalancerArn=resource_id, SecurityGroups=new["securityGroups"])
        if "ipAddressType" in changed:
            elb.set_ip_address_type(LoadBalancerArn=resource_id, IpAddressType=new["ipAddressType"])
        self._set(resource_id, new, changed)
        self.update_tags(resource_id, old, new)

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the load balancer and wait, for its groups and subnets are free only then."""
        del state
        with absent_is_fine(_NO_BALANCER):
            self.clients("elbv2").delete_load_balancer(LoadBalancerArn=resource_id)
        wait_until(f"load balancer {resource_id} is deleted", lambda: self._described(resource_id) is None)


def _shown_logs(said: list[dict[str, str]], prefix: str) -> Props | None:
    values = {item["Key"]: item.get("Value", "") for item in said}
    if values.get(f"{prefix}.s3.enabled", "false") != "true" and not values.get(f"{prefix}.s3.bucket"):
        return None
    return {
        "bucket": values.get(f"{prefix}.s3.bucket", ""),
        "prefix": values.get(f"{prefix}.s3.prefix", ""),
        "enabled": values.get(f"{prefix}.s3.enabled") == "true",
    }


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


HANDLERS = (LoadBalancer, TargetGroup)
