"""What an environment costs a month before anybody uses it, at the prices that AWS's Price List API gives today."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from prod_infra.deployment.clients import AwsClients
from prod_infra.deployment.program.registration import Registration
from prod_infra.properties import masked
from prod_infra.settings import Settings

HOURS: Final = 730
"""In a month, as AWS's own calculator counts: https://docs.aws.amazon.com/pricing-calculator/latest/userguide/."""

PRICING_REGION: Final = "us-east-1"
"""https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html lists its endpoints."""

NOT_COUNTED: Final = "traffic, requests, storage, backups, logs, and whatever scaling adds to the fewest tasks"


@dataclass(frozen=True, kw_only=True)
class Item:
    """Something that costs by the hour or the month.

    Attributes:
        name: in words.
        quantity: units a month.
        service: AWS's service code.
        usage: the end of AWS's usage type, which a region's code may lead.
        region: code of the region.
        family: AWS's product family, where a service has many products.
    """

    name: str
    quantity: Decimal
    service: str
    usage: str
    region: str
    family: str = ""


@dataclass(frozen=True, kw_only=True)
class Priced:
    """An item and USD a month; None where AWS can't be asked, or gives no price or several."""

    item: Item
    monthly: Decimal | None


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a month costs.

    Attributes:
        lines: one an item.
        why_unknown: why AWS did not say every price; empty where it did.
    """

    lines: tuple[Priced, ...]
    why_unknown: str = ""

    @property
    def known(self) -> Decimal:
        """Sum of what is known, USD, to the cent."""
        return sum((line.monthly for line in self.lines if line.monthly is not None), Decimal()).quantize(
            Decimal("0.01")
        )

    @property
    def unknown(self) -> tuple[str, ...]:
        """Names of the items without a price."""
        return tuple(line.item.name for line in self.lines if line.monthly is None)

    def __str__(self) -> str:
        """Say it in one sentence."""
        if len(self.unknown) == len(self.lines):
            return f"monthly cost: unknown ({self.why_unknown or 'nothing that has a price'})"
        rest = f"; unknown: {', '.join(self.unknown)}" if self.unknown else ""
        return f"monthly cost: USD {self.known} before use (not counted: {NOT_COUNTED}){rest}"


def items(registrations: Iterable[Registration], settings: Settings) -> Iterator[Item]:
    """Yield what of a program costs by the hour or the month.

    Args:
        registrations: of the program.
        settings: of the environment.
    """
    found = [(one.type, masked(one.inputs)) for one in registrations]
    region = settings.region

    def count(token: str, where: str = region) -> int:
        return sum(type_ == token and inputs.get("region", region) == where for type_, inputs in found)

    def hours(number: float) -> Decimal:
        return Decimal(str(number)) * HOURS

    natural = [
        Item(
            name="NAT gateways", quantity=hours(count("aws:ec2/natGateway:NatGateway")), service="AmazonEC2",
            usage="NatGateway-Hours", region=region, family="NAT Gateway",
        ),
        Item(
            name="public IPv4 addresses", quantity=hours(count("aws:ec2/eip:Eip")), service="AmazonVPC",
            usage="PublicIPv4:InUseAddress", region=region,
        ),
        Item(
            name="load balancers", quantity=hours(count("aws:lb/loadBalancer:LoadBalancer")), service="AWSELB",
            usage="LoadBalancerUsage", region=region, family="Load Balancer-Application",
        ),
        Item(
            name="interface endpoints", quantity=hours(sum(
                len(inputs.get("subnetIds", ()))
                for type_, inputs in found
                if type_ == "aws:ec2/vpcEndpoint:VpcEndpoint" and inputs.get("vpcEndpointType") == "Interface"
            )), service="AmazonVPC", usage="VpcEndpoint-Hours", region=region,
        ),
        Item(
            name="secrets", quantity=Decimal(count("aws:secretsmanager/secret:Secret")), service="AWSSecretsManager",
            usage="AWSSecretsManager-Secrets", region=region,
        ),
    ]  # fmt: skip
    if count("aws:ecs/service:Service"):
        tasks = settings.autoscaling_min_tasks
        natural += [
            Item(
                name="Fargate vCPU", quantity=hours(tasks * settings.task_cpu / 1024), service="AmazonECS",
                usage="Fargate-vCPU-Hours:perCPU", region=region,
            ),
            Item(
                name="Fargate memory", quantity=hours(tasks * settings.task_memory / 1024), service="AmazonECS",
                usage="Fargate-GB-Hours", region=region,
            ),
        ]  # fmt: skip
    classes = Counter(
        str(inputs["instanceClass"]) for type_, inputs in found if type_ == "aws:docdb/clusterInstance:ClusterInstance"
    )
    natural += [
        Item(
            name=f"DocumentDB {name}", quantity=hours(number), service="AmazonDocDB", usage=f"InstanceUsage:{name}",
            region=region,
        )
        for name, number in classes.items()
    ]  # fmt: skip
    for where in dict.fromkeys((region, PRICING_REGION)):
        natural += [
            Item(
                name=f"{name}, {where}",
                quantity=Decimal(count(token, where)),
                service=service,
                usage=usage,
                region=where,
            )
            for name, token, service, usage in (
                ("encryption keys", "aws:kms/key:Key", "awskms", "KMS-Keys"),
                ("alarms", "aws:cloudwatch/metricAlarm:MetricAlarm", "AmazonCloudWatch", "CW:AlarmMonitorUsage"),
                ("web ACLs", "aws:wafv2/webAcl:WebAcl", "awswaf", "WebACLV2"),
            )
        ]
    yield from (item for item in natural if item.quantity)


def _price(pricing: Any, item: Item) -> Decimal | None:
    """Return USD for one unit on demand, the first tier's; None unless AWS has exactly one."""
    given = {"regionCode": item.region, **({"productFamily": item.family} if item.family else {})}
    filters = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in given.items()]
    wanted = re.compile(rf"([A-Za-z0-9-]+-)?{re.escape(item.usage)}")
    prices = set()
    for page in pricing.get_paginator("get_products").paginate(ServiceCode=item.service, Filters=filters):
        for product in map(json.loads, page["PriceList"]):
            if wanted.fullmatch(product["product"]["attributes"].get("usagetype", "")):
                prices |= {
                    Decimal(dimension["pricePerUnit"]["USD"])
                    for term in product["terms"].get("OnDemand", {}).values()
                    for dimension in term["priceDimensions"].values()
                    if dimension.get("beginRange", "0") == "0" and "USD" in dimension["pricePerUnit"]
                }
    # The free tier is a product of its own, of price 0.
    paid = {price for price in prices if price}
    return paid.pop() if len(paid) == 1 else None


def monthly_cost(clients: AwsClients, registrations: Iterable[Registration], settings: Settings) -> Cost:
    """Return what a month of the program's resources costs.

    Args:
        clients: of the account; the local AWS knows no prices, and then everything is unknown.
        registrations: of the program.
        settings: of the environment.
    """
    pricing = clients("pricing", PRICING_REGION)
    lines, why = [], ""
    for item in items(registrations, settings):
        price = None
        if not why:
            try:
                price = _price(pricing, item)
            except (ClientError, BotoCoreError) as error:
                why = f"the Price List API can't be asked: {error}"
        lines.append(Priced(item=item, monthly=None if price is None else price * item.quantity))
    return Cost(lines=tuple(lines), why_unknown=why)
