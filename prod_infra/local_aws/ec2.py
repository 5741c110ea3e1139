"""Amazon EC2: what moto forgets of security group rules, VPC endpoints and flow logs.

Follows the EC2 API reference, https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRule.html and
API_ModifyVpcEndpoint.html.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.ec2.models import EC2Backend
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.ec2.responses.vpcs import VPCs
from moto.logs.models import logs_backends

from prod_infra.local_aws.patches import around
from prod_infra.local_aws.refusals.roles import assumable

FLOW_LOGS = "vpc-flow-logs.amazonaws.com"


def _make_rule(make: Callable[..., None], rule: Any, *args: Any, **kwargs: Any) -> None:
    make(rule, *args, **kwargs)
    # moto reads every description from the IP range, and of a prefix list keeps only the ID; args[6:8] are the others.
    told: dict[str, str] = next((peer for peer in args[6:8] if peer), {})
    if told.get("Description"):
        rule.ip_range = {**rule.ip_range, "Description": told["Description"]}


def _modify_rules(modify: Callable[..., None], backend: Any, group_id: str, rules: dict[str, dict[str, Any]]) -> None:
    modify(backend, group_id, rules)
    group = backend.get_security_group_by_name_or_id(group_id)
    for rule_id, wanted in rules.items():
        rule = group.get_rule(rule_id)
        if "CidrIpv6" in wanted:
            rule.ip_range["CidrIpv6"] = wanted["CidrIpv6"]
        if "PrefixListId" in wanted:
            rule.prefix_list_id = wanted["PrefixListId"]
        if "ReferencedGroupId" in wanted:
            rule.source_group = {**rule.source_group, "GroupId": wanted["ReferencedGroupId"]}


def _guard_interfaces(backend: Any, endpoint: Any) -> None:
    """Put an endpoint's security groups before its network interfaces, which moto gives the VPC's default one."""
    groups = [backend.get_security_group_from_id(group_id) for group_id in endpoint.security_group_ids]
    for interface in map(backend.get_network_interface, endpoint.network_interface_ids):
        interface.description = f"VPC Endpoint Interface {endpoint.id}"
        interface.interface_type = "vpc_endpoint"
        if groups:
            interface._group_set = groups


def _create_endpoint(create: Callable[..., Any], backend: Any, *args: Any, **kwargs: Any) -> Any:
    endpoint = create(backend, *args, **kwargs)
    _guard_interfaces(backend, endpoint)
    return endpoint


def _modify_endpoint(modify: Callable[..., None], backend: Any, **kwargs: Any) -> None:
    modify(backend, **kwargs)
    endpoint = backend.vpc_end_points[kwargs["vpc_id"]]
    _guard_interfaces(backend, endpoint)
    prefix_list = endpoint.destination_prefix_list_id
    if not prefix_list:
        return
    for table in kwargs["add_route_tables"] or ():
        backend.create_route(table, None, gateway_id=endpoint.id, destination_prefix_list_id=prefix_list)
    for table in kwargs["remove_route_tables"] or ():
        backend.delete_route(table, prefix_list)


def _answer_modify_endpoint(answer: Callable[..., Any], responses: Any) -> Any:
    result = answer(responses)
    private_dns = responses._get_param("PrivateDnsEnabled")
    if private_dns is not None:
        endpoint = responses.ec2_backend.vpc_end_points[responses._get_param("VpcEndpointId")]
        endpoint.private_dns_enabled = private_dns
    return result


def _delete_endpoints(delete: Callable[..., None], backend: Any, vpce_ids: list[str] | None = None) -> None:
    delete(
        backend, [one for one in vpce_ids or () if getattr(backend.vpc_end_points.get(one), "state", "") != "deleted"]
    )


def _create_flow_logs(create: Callable[..., Any], backend: Any, **kwargs: Any) -> Any:
    made, failed = create(backend, **kwargs)
    groups = logs_backends[backend.account_id][backend.region_name].groups
    for flow_log in made:
        # moto looks for the group under its name alone, and a client may give its ARN instead.
        name = (flow_log.log_destination or "").partition(":log-group:")[2].removesuffix(":*")
        if name in groups:
            flow_log.deliver_logs_status, flow_log.deliver_logs_error_message = "SUCCESS", None
        role = kwargs.get("deliver_logs_permission_arn")
        if role and not assumable(role, FLOW_LOGS):
            flow_log.deliver_logs_status, flow_log.deliver_logs_error_message = "FAILED", "Access error"
    return made, failed


def register() -> None:
    """Mend moto's EC2 backend."""
    around(SecurityGroupRule, "__init__")(_make_rule)
    around(EC2Backend, "modify_security_group_rules")(_modify_rules)
    around(EC2Backend, "create_vpc_endpoint")(_create_endpoint)
    around(EC2Backend, "modify_vpc_endpoint")(_modify_endpoint)
    around(EC2Backend, "delete_vpc_endpoints")(_delete_endpoints)
    around(EC2Backend, "create_flow_logs")(_create_flow_logs)
    around(VPCs, "modify_vpc_endpoint")(_answer_modify_endpoint)
