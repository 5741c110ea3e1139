"""What Elastic Load Balancing refuses and moto takes: names, zones, certificates, ports, deletes under protection.

Follows https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/Welcome.html.
"""

from __future__ import annotations

import re
from typing import Any, Final

from moto.acm.models import acm_backends
from moto.elbv2.models import elbv2_backends

from prod_infra.local_aws import ACCOUNT_ID
from prod_infra.local_aws.calls import Call
from prod_infra.local_aws.refusals.checks import refuses
from prod_infra.local_aws.refusals.refused import Refused

NAME: Final = re.compile(r"(?!internal-)(?!-)[a-zA-Z0-9-]{1,32}(?<!-)")
SECURE: Final = frozenset({"HTTPS", "TLS"})


def _balancer(call: Call, arn: str) -> Any:
    return elbv2_backends[ACCOUNT_ID][call.region].load_balancers.get(arn)


def _name(_: Call, given: Any) -> None:
    name = given.get("Name") or ""
    if not NAME.fullmatch(name):
        raise Refused(
            "ValidationError",
            f"The name '{name}' has at most 32 letters, digits and hyphens, begins and ends with no hyphen, and does"
            " not begin with 'internal-'",
        )


def _balancer_fits(call: Call, given: Any) -> None:
    backend = elbv2_backends[ACCOUNT_ID][call.region]
    subnets = given.get("Subnets") or [each["SubnetId"] for each in given.get("SubnetMappings") or []]
    if (given.get("Type") or "application") == "application" and len(set(subnets)) == 1:
        raise Refused("ValidationError", "At least two subnets in two different Availability Zones must be specified")
    for group_id in given.get("SecurityGroups") or []:
        if backend.ec2_backend.get_security_group_from_id(group_id) is None:
            raise Refused("InvalidSecurityGroup", f"One or more security groups are invalid: {group_id}")
    for balancer in backend.load_balancers.values():
        same = {each.id for each in balancer.subnets} == set(subnets)
        if balancer.name == given["Name"] and (
            not same or balancer.scheme != (given.get("Scheme") or "internet-facing")
        ):
            raise Refused(
                "DuplicateLoadBalancerName",
                f"A load balancer with the same name '{balancer.name}' exists, but with different settings",
            )


def _protected(call: Call, given: Any) -> None:
    balancer = _balancer(call, given["LoadBalancerArn"])
    if balancer is not None and balancer.attrs.get("deletion_protection.enabled") == "true":
        raise Refused(
            "OperationNotPermitted",
            f"Load balancer '{balancer.arn}' cannot be deleted because deletion protection is enabled",
        )


def _certificates(call: Call, given: Any) -> None:
    arns = [each.get("CertificateArn", "") for each in given.get("Certificates") or []]
    if call.operation.name == "CreateListener" and given.get("Protocol") in SECURE and not arns:
        raise Refused("ValidationError", "A certificate must be specified for HTTPS and TLS listeners")
    for arn in arns:
        if ":iam:" in arn:
            continue
        bundle = acm_backends[ACCOUNT_ID][call.region]._certificates.get(arn)
        if bundle is None:
            raise Refused("CertificateNotFound", f"Certificate '{arn}' not found: it must be of {call.region}")
        bundle.check()
        if bundle.status != "ISSUED":
            raise Refused(
                "UnsupportedCertificate",
                f"The certificate '{arn}' must have a fully-qualified domain name, a supported signature, and a"
                f" supported key size; it is {bundle.status}",
            )


def _port_in_use(call: Call, given: Any) -> None:
    balancer = _balancer(call, given["LoadBalancerArn"])
    listeners = balancer.listeners.values() if balancer is not None else ()
    if any(int(listener.port) == int(given["Port"]) for listener in listeners if listener.port):
        raise Refused("DuplicateListener", "A listener already exists on this port for this load balancer")


def register() -> None:
    """Add the checks of Elastic Load Balancing."""
    refuses("elbv2", "CreateLoadBalancer", "CreateTargetGroup")(_name)
    refuses("elbv2", "CreateLoadBalancer")(_balancer_fits)
    refuses("elbv2", "DeleteLoadBalancer")(_protected)
    refuses("elbv2", "CreateListener", "ModifyListener", "AddListenerCertificates")(_certificates)
    refuses("elbv2", "CreateListener")(_port_in_use)
