"""Hypothesis strategies for what the environment is given."""

from __future__ import annotations

from ipaddress import IPv4Network

from hypothesis import strategies as st

from prod_infra.network.plan import LARGEST_VPC, SMALLEST_VPC
from prod_infra.settings import Settings

_TEN = int(IPv4Network("10.0.0.0/8").network_address)


@st.composite
def vpc_cidrs(draw: st.DrawFn) -> str:
    """Private blocks of every size that a VPC may have here."""
    prefix = draw(st.integers(LARGEST_VPC, SMALLEST_VPC))
    block = draw(st.integers(0, 2 ** (prefix - 8) - 1))
    return str(IPv4Network((_TEN + block * 2 ** (32 - prefix), prefix)))


def zone_sets(smallest: int = 2) -> st.SearchStrategy[list[str]]:
    """Sets of availability zones of one region, in any order."""
    letters = st.lists(st.sampled_from("abcdefgh"), min_size=smallest, max_size=6, unique=True)
    return letters.map(lambda found: [f"eu-central-1{letter}" for letter in found])


@st.composite
def settings(draw: st.DrawFn) -> Settings:
    """Settings that are right, safe or not."""
    fewest = draw(st.integers(1, 20))
    return Settings(
        vpc_cidr=draw(vpc_cidrs()),
        peer_cidrs=(),
        availability_zones=tuple(draw(zone_sets())),
        single_nat_gateway=draw(st.booleans()),
        enable_http=draw(st.booleans()),
        instance_count=draw(st.integers(1, 5)),
        backup_retention_period=draw(st.integers(1, 35)),
        enable_http_redirect=draw(st.booleans()),
        target_protocol=draw(st.sampled_from(["HTTPS", "HTTP"])),
        autoscaling_min_tasks=fewest,
        autoscaling_max_tasks=draw(st.integers(fewest, 40)),
        protect_data=draw(st.booleans()),
    )
