"""ARC zonal shift on the local AWS: traffic moves out of a zone, one shift at a time, and comes back by itself."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.server import LocalAws
from tests.local_aws.environment import load_balancer, network, refused
from tests.local_aws.test_server import wait_until


@pytest.fixture
def balancer(clients: Clients) -> str:
    """ARN of a load balancer in zones a and b that can be shifted."""
    arn: str = load_balancer(clients, network(clients))["balancer"]
    clients("elbv2").modify_load_balancer_attributes(
        LoadBalancerArn=arn, Attributes=[{"Key": "zonal_shift.config.enabled", "Value": "true"}]
    )
    return arn


def start(clients: Clients, balancer: str, **members: str) -> dict[str, Any]:
    """Start a shift away from zone a."""
    given = {"resourceIdentifier": balancer, "awayFrom": "euc1-az1", "expiresIn": "30m", "comment": "drill"}
    shift: dict[str, Any] = clients("arc-zonal-shift").start_zonal_shift(**given | members)
    return shift


def test_a_shift_shows_in_its_resource_and_in_the_list(clients: Clients, balancer: str) -> None:
    """The zone's weight is 0 for as long as the shift is active."""
    arc = clients("arc-zonal-shift")
    shift = start(clients, balancer)
    found = arc.get_managed_resource(resourceIdentifier=balancer)
    assert found["appliedWeights"] == {"euc1-az1": 0.0, "euc1-az2": 1.0}
    assert found["zonalShifts"][0]["zonalShiftId"] == shift["zonalShiftId"]
    assert [each["arn"] for each in arc.list_managed_resources()["items"]] == [balancer]
    assert arc.cancel_zonal_shift(zonalShiftId=shift["zonalShiftId"])["status"] == "CANCELED"
    assert arc.get_managed_resource(resourceIdentifier=balancer)["appliedWeights"]["euc1-az1"] == 1.0
    assert arc.list_zonal_shifts(status="ACTIVE")["items"] == []
    assert [each["status"] for each in arc.list_zonal_shifts(resourceIdentifier=balancer)["items"]] == ["CANCELED"]


def test_a_shift_expires_by_itself(clients: Clients, local_aws: LocalAws, balancer: str) -> None:
    """After AWS's minutes; an update sets them anew."""
    local_aws.admin("POST", "/clock", factor=600)
    arc, shift = clients("arc-zonal-shift"), start(clients, balancer, expiresIn="72h")
    arc.update_zonal_shift(zonalShiftId=shift["zonalShiftId"], expiresIn="1m", comment="sooner")
    assert wait_until(lambda: arc.list_zonal_shifts()["items"][0]["status"] == "EXPIRED")
    assert arc.list_zonal_shifts()["items"][0]["comment"] == "sooner"
    assert refused(arc.cancel_zonal_shift, zonalShiftId=shift["zonalShiftId"]) == "ConflictException"


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"expiresIn": "73h"}, "InvalidExpiresIn"),
        ({"expiresIn": "30s"}, "InvalidExpiresIn"),
        ({"awayFrom": "eu-central-1a"}, "InvalidAz"),
        ({"awayFrom": "euc1-az3"}, "UnsupportedAz"),
        ({"resourceIdentifier": "my-balancer"}, "InvalidResourceIdentifier"),
    ],
)
def test_what_can_not_be_shifted_has_a_reason(
    clients: Clients, balancer: str, members: dict[str, str], reason: str
) -> None:
    """boto3 gets it as a member of the error."""
    with pytest.raises(ClientError) as caught:
        start(clients, balancer, **members)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert caught.value.response["reason"] == reason  # type: ignore[typeddict-item]


def test_one_shift_at_a_time(clients: Clients, balancer: str) -> None:
    """The second is a conflict that names the first."""
    first = start(clients, balancer)
    with pytest.raises(ClientError) as caught:
        start(clients, balancer, awayFrom="euc1-az2")
    assert caught.value.response["zonalShiftId"] == first["zonalShiftId"]  # type: ignore[typeddict-item]


def test_a_balancer_must_be_enabled_for_shifts(clients: Clients) -> None:
    """Without its attribute ARC does not know it."""
    arn = load_balancer(clients, network(clients))["balancer"]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        start(clients, arn)
