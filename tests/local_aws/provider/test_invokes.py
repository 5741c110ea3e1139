"""Data sources."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pulumi.provider.experimental import provider as rpc

from prod_infra.errors import InvalidInputError, ProdInfraError
from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.provider.provider import LocalAwsProvider
from prod_infra.properties import plain, typed


@pytest.fixture
def provider(clients: Clients) -> LocalAwsProvider:
    """The local aws provider."""
    return LocalAwsProvider(clients)


def invoke(provider: LocalAwsProvider, token: str, **args: Any) -> dict[str, Any]:
    """Return what a data source answers."""
    return plain(asyncio.run(provider.invoke(rpc.InvokeRequest(token, typed(args)))).return_value or {})


def test_availability_zones(provider: LocalAwsProvider) -> None:
    """Zones come with names and IDs, of the region asked for."""
    zones = invoke(provider, "aws:index/getAvailabilityZones:getAvailabilityZones", state="available")
    assert zones["names"] == ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
    assert len(zones["zoneIds"]) == 3
    other = invoke(provider, "aws:index/getAvailabilityZones:getAvailabilityZones", region="us-east-1")
    assert "us-east-1a" in other["names"]


def test_hosted_zone(provider: LocalAwsProvider) -> None:
    """A hosted zone is found by name and by ID; one that is not there is an error that says so."""
    zone = invoke(provider, "aws:route53/getZone:getZone", name="example.com")
    assert invoke(provider, "aws:route53/getZone:getZone", zoneId=zone["zoneId"])["name"] == "example.com"
    with pytest.raises(ProdInfraError, match="matches 0 times"):
        invoke(provider, "aws:route53/getZone:getZone", name="example.org")


def test_prefix_list(provider: LocalAwsProvider) -> None:
    """CloudFront's prefix list is found by name."""
    name = "com.amazonaws.global.cloudfront.origin-facing"
    found = invoke(provider, "aws:ec2/getManagedPrefixList:getManagedPrefixList", name=name)
    assert found["id"].startswith("pl-")
    assert found["name"] == name


def test_identity(provider: LocalAwsProvider) -> None:
    """Account, region and partition are those of the local AWS."""
    assert invoke(provider, "aws:index/getCallerIdentity:getCallerIdentity")["accountId"] == "123456789012"
    assert invoke(provider, "aws:index/getRegion:getRegion")["region"] == "eu-central-1"
    assert invoke(provider, "aws:index/getPartition:getPartition")["partition"] == "aws"


def test_unknown_invoke(provider: LocalAwsProvider) -> None:
    """An unknown data source or argument is refused, with what is known."""
    with pytest.raises(InvalidInputError, match="nearest is 'aws:route53/getZone:getZone'"):
        invoke(provider, "aws:route53/getZones:getZone")
    with pytest.raises(InvalidInputError, match="no argument 'colour'"):
        invoke(provider, "aws:route53/getZone:getZone", colour="blue")
