"""Quotas of an account that the environment counts against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from prod_infra.deployment.account.permission import EDGE_REGION
from prod_infra.deployment.account.precondition import Precondition, Question, pages


@dataclass(frozen=True, kw_only=True)
class Quota:
    """One of AWS's quotas, and what counts against it.

    Attributes:
        service: of Service Quotas.
        code: of the quota.
        what: in words.
        kind: type token of the resources that need it.
        used: counts what the account has.
        region: empty for the environment's.
        client: boto3 client that `used` is given.
        zonal: whether it is counted by zone.
    """

    service: str
    code: str
    what: str
    kind: str
    used: Callable[[Any], int]
    client: str
    region: str = ""
    zonal: bool = False


def _nat_gateways(ec2: Any) -> int:
    """Return how many the fullest zone has."""
    states = [{"Name": "state", "Values": ["pending", "available", "deleting"]}]
    subnets = [one["SubnetId"] for one in pages(ec2, "describe_nat_gateways", "NatGateways", Filters=states)]
    if not subnets:
        return 0
    found = ec2.describe_subnets(SubnetIds=sorted(set(subnets)))["Subnets"]
    zone_of = {one["SubnetId"]: one["AvailabilityZone"] for one in found}
    in_zones = [zone_of[subnet] for subnet in subnets]
    return max(in_zones.count(zone) for zone in in_zones)


# https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html lists each service's quotas; their codes
# are what `aws service-quotas list-aws-default-service-quotas --service-code …` prints.
QUOTAS: Final = (
    Quota(
        service="ec2", code="L-0263D0A3", what="Elastic IP addresses", kind="aws:ec2/eip:Eip",
        client="ec2", used=lambda ec2: len(ec2.describe_addresses()["Addresses"]),
    ),
    Quota(
        service="vpc", code="L-F678F1CE", what="VPCs", kind="aws:ec2/vpc:Vpc",
        client="ec2", used=lambda ec2: len(pages(ec2, "describe_vpcs", "Vpcs")),
    ),
    Quota(
        service="vpc", code="L-FE5A380F", what="NAT gateways in a zone", kind="aws:ec2/natGateway:NatGateway",
        client="ec2", used=_nat_gateways, zonal=True,
    ),
    Quota(
        service="elasticloadbalancing", code="L-53DA6B97", what="Application Load Balancers",
        kind="aws:lb/loadBalancer:LoadBalancer", client="elbv2",
        used=lambda elbv2: sum(
            one["Type"] == "application" for one in pages(elbv2, "describe_load_balancers", "LoadBalancers")
        ),
    ),
    Quota(
        service="acm", code="L-F141DD1D", what="certificates", kind="aws:acm/certificate:Certificate",
        client="acm", used=lambda acm: len(pages(acm, "list_certificates", "CertificateSummaryList")),
    ),
    Quota(
        service="acm", code="L-F141DD1D", what="certificates of the edge", kind="aws:acm/certificate:Certificate",
        client="acm", used=lambda acm: len(pages(acm, "list_certificates", "CertificateSummaryList")),
        region=EDGE_REGION,
    ),
    Quota(
        service="cloudfront", code="L-24B04930", what="distributions",
        kind="aws:cloudfront/distribution:Distribution", client="cloudfront", region=EDGE_REGION,
        used=lambda cloudfront: cloudfront.list_distributions()["DistributionList"]["Quantity"],
    ),
)  # fmt: skip


def _limit(quotas: Any, quota: Quota) -> float:
    """Return the account's quota; where it was never raised, AWS may know only the default."""
    names = {"ServiceCode": quota.service, "QuotaCode": quota.code}
    try:
        return float(quotas.get_service_quota(**names)["Quota"]["Value"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchResourceException":
            raise
        return float(quotas.get_aws_default_service_quota(**names)["Quota"]["Value"])


def quota_check(quota: Quota) -> Callable[[Question], Precondition]:
    """Return the check that what is new fits into a quota beside what is there."""

    def check(question: Question) -> Precondition:
        region = quota.region or question.region
        new = question.creates(quota.kind)
        if quota.zonal and new:
            # The environment spreads them evenly.
            new = -(-new // question.settings.availability_zone_count)
        used = quota.used(question.clients(quota.client, region))
        limit = _limit(question.clients("service-quotas", region), quota)
        return Precondition(
            name=f"quota: {quota.what}",
            holds=used + new <= limit,
            detail=f"{used} used and {new} new of {limit:g} in {region}",
            fix=f"free some, or `aws service-quotas request-service-quota-increase --region {region} "
            f"--service-code {quota.service} --quota-code {quota.code} --desired-value {used + new}`",
        )

    check.__doc__ = f"The quota of {quota.what} must have room."
    return check
