"""DNS records."""

from __future__ import annotations

import pytest

from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.provider.provider import ProviderError
from tests.local_aws.provider.lifecycle import Resource, made, run_lifecycle

RECORD = "aws:route53/record:Record"


@pytest.fixture
def zone_id(clients: Clients) -> str:
    """The ID of the hosted zone of example.com."""
    return str(clients("route53").list_hosted_zones()["HostedZones"][0]["Id"]).rsplit("/", 1)[-1]


def test_record(clients: Clients, zone_id: str) -> None:
    """A record lives; values and TTL change in place; the zone's name may be left out."""
    inputs = {"zoneId": zone_id, "name": "www", "type": "A", "records": ["192.0.2.2", "192.0.2.1"], "ttl": 300}
    state = run_lifecycle(clients, RECORD, inputs, inputs | {"records": ["192.0.2.3"]}, inputs | {"ttl": 60})
    assert state["fqdn"] == "www.example.com"
    assert state["id"] == f"{zone_id}_www.example.com_A"


def test_alias(clients: Clients, zone_id: str) -> None:
    """An alias lives, and changes its target in place."""
    target = {"name": "d111111abcdef8.cloudfront.net", "zoneId": "Z2FDTNDATAQYW2", "evaluateTargetHealth": False}
    inputs = {"zoneId": zone_id, "name": "example.com", "type": "A"}
    run_lifecycle(
        clients,
        RECORD,
        inputs | {"aliases": [target]},
        inputs | {"aliases": [target | {"name": "d222222abcdef8.cloudfront.net"}]},
    )


def test_text_record(clients: Clients, zone_id: str) -> None:
    """The quotes that Route 53 wants around text are not the program's business."""
    inputs = {
        "zoneId": zone_id,
        "name": "_dmarc.example.com",
        "type": "TXT",
        "records": ["v=DMARC1; p=none"],
        "ttl": 60,
    }
    run_lifecycle(clients, RECORD, inputs)


def test_existing_record_is_not_overwritten(clients: Clients, zone_id: str) -> None:
    """A record that is there already is an error, unless the program allows to overwrite it."""
    inputs = {"zoneId": zone_id, "name": "www", "type": "A", "records": ["192.0.2.1"], "ttl": 300}
    made(clients, RECORD, inputs)
    second = Resource(clients, RECORD, "second")
    second.check(inputs)
    with pytest.raises(ProviderError, match="route53:ChangeResourceRecordSets with InvalidChangeBatch"):
        second.create()
    second.check(inputs | {"allowOverwrite": True})
    second.create()
    assert second.read() == second.state


@pytest.mark.parametrize(
    ("inputs", "property_"),
    [
        ({}, "records"),
        ({"records": ["192.0.2.1"]}, "ttl"),
        ({"aliases": [{"name": "a", "zoneId": "Z", "evaluateTargetHealth": False}], "ttl": 60}, "ttl"),
    ],
)
def test_impossible_record(clients: Clients, inputs: dict[str, object], property_: str) -> None:
    """A record that Route 53 would refuse is refused before anything is created."""
    assert property_ in Resource(clients, RECORD).check({"zoneId": "Z", "name": "a", "type": "A", **inputs})
