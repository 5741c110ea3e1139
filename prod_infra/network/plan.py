"""Which addresses each subnet gets: plain arithmetic on CIDRs, without AWS."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Final

_NEW_BITS: Final = 4
_MOST_ZONES: Final = 8

LARGEST_VPC: Final = 16
"""AWS: a VPC's block is between /16 and /28 (VPC guide, "VPC CIDR blocks")."""

SMALLEST_VPC: Final = 23
"""A load balancer's subnet must be /27 or larger (ALB guide, "Subnets for your load balancer"); ours are a 16th."""


@dataclass(frozen=True, kw_only=True)
class SubnetPlan:
    """The blocks of one availability zone.

    Attributes:
        public: CIDR of the subnet for load balancer and NAT gateway.
        private: CIDR of the subnet for tasks, database and endpoints.
    """

    public: str
    private: str


def plan_subnets(vpc_cidr: str, availability_zones: Iterable[str]) -> dict[str, SubnetPlan]:
    """Return the subnets of each availability zone.

    The VPC is cut into sixteen equal blocks: the first eight are public, the last eight private, one of each for the
    zones `a` to `h`. A zone's blocks follow from its letter alone, so adding a zone never renumbers another.

    Args:
        vpc_cidr: such as `10.1.0.0/16`, from /16 to /23.
        availability_zones: names such as `eu-central-1a`.
    """
    blocks = list(IPv4Network(vpc_cidr).subnets(prefixlen_diff=_NEW_BITS))
    return {
        zone: SubnetPlan(public=str(blocks[index]), private=str(blocks[_MOST_ZONES + index]))
        for zone in availability_zones
        for index in [ord(zone[-1]) - ord("a")]
    }
