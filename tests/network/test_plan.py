"""Laws of the address plan."""

from __future__ import annotations

from ipaddress import IPv4Network
from itertools import combinations

from hypothesis import given

from prod_infra.network.plan import plan_subnets
from tests.strategies import vpc_cidrs, zone_sets


def _blocks(vpc_cidr: str, zones: list[str]) -> list[IPv4Network]:
    plans = plan_subnets(vpc_cidr, zones).values()
    return [IPv4Network(cidr) for plan in plans for cidr in (plan.public, plan.private)]


@given(vpc_cidrs(), zone_sets())
def test_subnets_are_inside_the_vpc(vpc_cidr: str, zones: list[str]) -> None:
    """Every subnet is a part of the VPC's block."""
    assert all(block.subnet_of(IPv4Network(vpc_cidr)) for block in _blocks(vpc_cidr, zones))


@given(vpc_cidrs(), zone_sets())
def test_subnets_are_disjoint(vpc_cidr: str, zones: list[str]) -> None:
    """No address belongs to two subnets."""
    assert not any(one.overlaps(other) for one, other in combinations(_blocks(vpc_cidr, zones), 2))


@given(vpc_cidrs(), zone_sets())
def test_each_zone_has_a_public_and_a_private_subnet_for_a_load_balancer(vpc_cidr: str, zones: list[str]) -> None:
    """Every zone has two subnets, none smaller than the /27 that a load balancer needs."""
    blocks = _blocks(vpc_cidr, zones)
    assert len(blocks) == 2 * len(zones)
    assert all(block.prefixlen <= 27 for block in blocks)


@given(vpc_cidrs(), zone_sets(smallest=3))
def test_adding_a_zone_renumbers_no_other(vpc_cidr: str, zones: list[str]) -> None:
    """A zone keeps its blocks whatever other zones there are: renumbering would replace what runs in them."""
    fewer = plan_subnets(vpc_cidr, zones[1:])
    assert fewer.items() <= plan_subnets(vpc_cidr, zones).items()
