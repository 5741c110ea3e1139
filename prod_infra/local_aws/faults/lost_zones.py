"""What EC2 tells of lost zones and NAT gateways: a zone is `impaired`, a gateway `failed`, a route to it a `blackhole`.

moto calls every route active, and keeps what a deleted NAT gateway held. Follows
https://docs.aws.amazon.com/vpc/latest/userguide/vpc-nat-gateway.html,
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Route.html and API_AvailabilityZone.html there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.ec2.models import EC2Backend
from moto.ec2.models.availability_zones_and_regions import Zone
from moto.ec2.models.nat_gateways import NatGateway
from moto.ec2.models.route_tables import Route

from prod_infra.local_aws.faults import injected_faults
from prod_infra.local_aws.patches import around
from prod_infra.local_aws.refusals.refused import Refused


def is_nat_lost(zone: str) -> bool:
    """Return whether the NAT gateways of an availability zone carry nothing."""
    return injected_faults.is_lost(zone) or bool(injected_faults.active("lost-nat", zone=zone))


def _is_down(gateway: Any) -> bool:
    return gateway._state == "available" and is_nat_lost(gateway._zone)


def _zone_state(zone: Any) -> str:
    return "impaired" if injected_faults.is_lost(zone.name) else "available"


def _make_nat(make: Callable[..., None], gateway: Any, backend: Any, subnet_id: str, *args: Any, **kwargs: Any) -> None:
    gateway._zone = backend.get_subnet(subnet_id).availability_zone
    make(gateway, backend, subnet_id, *args, **kwargs)


def _set_state(gateway: Any, state: str) -> None:
    gateway._state = state


def _route_state(route: Any) -> str:
    if route.nat_gateway is not None:
        return "active" if route.nat_gateway.state == "available" else "blackhole"
    detached = route.gateway is not None and getattr(route.gateway, "vpc", route) is None
    return "blackhole" if detached else "active"


def _delete_nat(delete: Callable[..., Any], backend: Any, nat_gateway_id: str) -> Any:
    gateway = backend.nat_gateways.get(nat_gateway_id)
    if gateway is None:
        raise Refused("NatGatewayNotFound", f"The Nat Gateway {nat_gateway_id} was not found")
    if gateway._state == "deleted":
        return gateway
    for address in gateway.address_set:
        if address.get("associationId"):
            backend.disassociate_address(association_id=address["associationId"])
    backend.enis.pop(gateway._eni.id, None)
    return delete(backend, nat_gateway_id)


def register() -> None:
    """Let zones, NAT gateways and routes tell what is lost."""
    Zone.state = property(_zone_state, lambda *_: None)
    NatGateway.state = property(lambda gateway: "failed" if _is_down(gateway) else gateway._state, _set_state)
    NatGateway.failure_code = property(lambda gateway: "InternalError" if _is_down(gateway) else None)
    NatGateway.failure_message = property(
        lambda gateway: f"The NAT gateway in {gateway._zone} is lost" if _is_down(gateway) else None
    )
    Route.state = property(_route_state)
    around(NatGateway, "__init__")(_make_nat)
    around(EC2Backend, "delete_nat_gateway")(_delete_nat)
