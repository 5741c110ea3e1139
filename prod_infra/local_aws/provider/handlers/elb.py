"""Load balancers."""

from __future__ import annotations

from typing import Any, Final

from prod_infra.local_aws.provider.handler import AutoName
from prod_infra.local_aws.provider.handlers.common import absent_is_fine, found, wait_until
from prod_infra.local_aws.provider.handlers.elb_common import ElbHandler
from prod_infra.properties import Props

_NO_BALANCER: Final = "LoadBalancerNotFound"
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
        self.complete(arn, inputs)
        return arn

    def complete(self, resource_id: str, inputs: Props) -> None:
        """Wait until the load balancer is active."""

        def active() -> bool:
            described = self._described(resource_id) or {}
            return described.get("State", {}).get("Code") in {"active", "active_impaired"}

        wait_until(f"load balancer {inputs['name']!r} is active", active)

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


HANDLERS = (LoadBalancer,)
