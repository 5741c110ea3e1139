"""Deliveries of a distribution's logs through their life."""

from __future__ import annotations

from prod_infra.local_aws.clients import Clients
from tests.local_aws.provider.lifecycle import made, run_lifecycle

SOURCE = "aws:cloudwatch/logDeliverySource:LogDeliverySource"
DESTINATION = "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination"
DELIVERY = "aws:cloudwatch/logDelivery:LogDelivery"
DISTRIBUTION = "arn:aws:cloudfront::123456789012:distribution/E1"
BUCKET = {"deliveryDestinationConfiguration": {"destinationResourceArn": "arn:aws:s3:::logs"}, "outputFormat": "json"}


def test_source(clients: Clients) -> None:
    """A distribution's access logs get a source, whose tags change in place."""
    inputs = {"resourceArn": DISTRIBUTION, "logType": "ACCESS_LOGS", "tags": {"Name": "a"}}
    assert run_lifecycle(clients, SOURCE, inputs, {**inputs, "tags": {"Name": "b"}})["service"] == "cloudfront"


def test_destination(clients: Clients) -> None:
    """A bucket becomes a destination, and another bucket takes its place."""
    other = {"destinationResourceArn": "arn:aws:s3:::other"}
    state = run_lifecycle(clients, DESTINATION, BUCKET, {**BUCKET, "deliveryDestinationConfiguration": other})
    assert state["deliveryDestinationType"] == "S3"


def test_delivery(clients: Clients) -> None:
    """A delivery leads from a source to a destination, under a path of its own."""
    source = made(clients, SOURCE, {"resourceArn": DISTRIBUTION, "logType": "ACCESS_LOGS"})
    target = made(clients, DESTINATION, BUCKET)
    inputs = {
        "deliverySourceName": source.id,
        "deliveryDestinationArn": target.state["arn"],
        "s3DeliveryConfigurations": [{"suffixPath": "{yyyy}/{MM}/{dd}/{HH}"}],
        "tags": {"Name": "a"},
    }
    run_lifecycle(clients, DELIVERY, inputs, {**inputs, "tags": {"Name": "b"}})
