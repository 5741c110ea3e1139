"""Which availability zones the environment spans."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from prod_infra.errors import InvalidInputError


def pick_zones(count: int, names: Sequence[str], parent: pulumi.Resource) -> list[str]:
    """Return the given zones, or the region's first by name, as plain text that loops can use.

    Args:
        count: how many, where no names are given.
        names: zones such as `eu-central-1a`; they win.
        parent: resource whose provider is asked.

    Raises:
        InvalidInputError: the region has fewer.
    """
    if names:
        return list(names)
    # Local and Wavelength Zones need opting in, and can't hold what an availability zone can.
    ordinary = aws.GetAvailabilityZonesFilterArgs(name="opt-in-status", values=["opt-in-not-required"])
    found = aws.get_availability_zones(
        state="available", filters=[ordinary], opts=pulumi.InvokeOptions(parent=parent)
    ).names
    if len(found) < count:
        raise InvalidInputError(
            "The region can't hold the environment",
            [f"availability_zone_count is {count}, but the region has {len(found)}."],
            hint="lower availability_zone_count or take another region",
        )
    return sorted(found)[:count]
