"""Monthly cost: at AWS's prices of today, counted from what the program registers; unknown where AWS does not say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from prod_infra.deployment.account.cost import Item, items, monthly_cost
from prod_infra.deployment.program import evaluate
from prod_infra.deployment.program.registration import Registration
from prod_infra.deployment.project import packaged
from prod_infra.local_aws.clients import Clients
from prod_infra.settings import Settings


@pytest.fixture(scope="module")
def registrations() -> Sequence[Registration]:
    """What production registers."""
    return evaluate.register(packaged())


def product(usage: str, *prices: str) -> str:
    """A product of the Price List with one tier after the other."""
    tiers = {
        f"t{n}": {"beginRange": str(n), "unit": "Hrs", "pricePerUnit": {"USD": price}} for n, price in enumerate(prices)
    }
    terms = {"OnDemand": {"offer": {"priceDimensions": tiers}}}
    return json.dumps({"product": {"attributes": {"usagetype": usage}}, "terms": terms})


def answering(wanted: Sequence[Item], price_lists: Sequence[Sequence[str]]) -> Any:
    """Clients whose `pricing` answers item by item, and takes exactly the questions for these items."""
    pricing = boto3.client("pricing", "us-east-1", aws_access_key_id="made-up", aws_secret_access_key="made-up")
    stub = Stubber(pricing)
    for item, price_list in zip(wanted, price_lists, strict=True):
        fields = {"regionCode": item.region, **({"productFamily": item.family} if item.family else {})}
        filters = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in fields.items()]
        stub.add_response(
            "get_products", {"PriceList": list(price_list)}, {"ServiceCode": item.service, "Filters": filters}
        )
    stub.activate()
    return lambda *_: pricing


def test_every_hourly_thing_of_production_is_counted(registrations: Sequence[Registration]) -> None:
    """NAT gateways, database instances, endpoints in each zone, the fewest tasks, and what is in the edge region."""
    found = {item.name: item.quantity for item in items(registrations, Settings())}
    assert found["NAT gateways"] == 2 * 730
    assert found["DocumentDB db.r6g.large"] == 2 * 730
    assert found["interface endpoints"] == 4 * 2 * 730
    assert found["Fargate vCPU"] == found["Fargate memory"] / 2 == 730
    assert found["encryption keys, eu-central-1"] + found["encryption keys, us-east-1"] == 8
    assert found["web ACLs, eu-central-1"] == found["web ACLs, us-east-1"] == 1


def test_the_sum_is_price_times_quantity(registrations: Sequence[Registration]) -> None:
    """Each price is for one unit; the region's code before the usage type does not matter."""
    wanted = list(items(registrations, Settings()))
    clients = answering(wanted, [[product(f"EUC1-{item.usage}", "0.5")] for item in wanted])
    cost = monthly_cost(clients, registrations, Settings())
    assert cost.known == sum((item.quantity for item in wanted), Decimal()) / 2
    assert not cost.unknown


def test_only_the_first_tier_counts_and_other_products_do_not(registrations: Sequence[Registration]) -> None:
    """A cheaper tier for much use, the free tier's product and a longer usage type leave the price alone."""
    wanted = list(items(registrations, Settings()))
    lists = [
        [product(item.usage, "1", "0.1"), product(item.usage, "0"), product(f"{item.usage}-Spot", "7")]
        for item in wanted
    ]
    cost = monthly_cost(answering(wanted, lists), registrations, Settings())
    assert cost.known == sum(item.quantity for item in wanted)


def test_no_price_or_several_are_unknown(registrations: Sequence[Registration]) -> None:
    """What AWS does not say in one way is named, never guessed."""
    wanted = list(items(registrations, Settings()))
    lists = [[], [product(wanted[1].usage, "1"), product(wanted[1].usage, "2")]]
    lists += [[product(item.usage, "1")] for item in wanted[2:]]
    cost = monthly_cost(answering(wanted, lists), registrations, Settings())
    assert cost.unknown == (wanted[0].name, wanted[1].name)
    assert wanted[0].name in str(cost)


def test_the_local_aws_knows_no_prices(clients: Clients, registrations: Sequence[Registration]) -> None:
    """Where the Price List can't be asked, the cost is unknown and says why."""
    cost = monthly_cost(clients, registrations, Settings())
    assert len(cost.unknown) == len(cost.lines)
    assert str(cost).startswith("monthly cost: unknown (the Price List API can't be asked")
