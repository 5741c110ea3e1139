"""Injected faults: calls that fail as AWS's do, zones and NAT gateways that are lost, and how faults end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from prod_infra.errors import TargetError
from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.server import LocalAws
from tests.local_aws.environment import network, refused
from tests.local_aws.test_server import wait_until

THROTTLED = [
    ("ec2", "DescribeVpcs"),
    ("docdb", "DescribeDBClusters"),
    ("elbv2", "DescribeLoadBalancers"),
    ("ecs", "ListClusters"),
    ("cloudwatch", "DescribeAlarms"),
    ("s3", "ListBuckets"),
    ("route53", "ListHostedZones"),
    ("arc-zonal-shift", "ListZonalShifts"),
]


@pytest.fixture(autouse=True)
def _ends(local_aws: LocalAws) -> Iterator[None]:
    """No fault outlives its test."""
    yield
    local_aws.admin("DELETE", "/faults")


def call(clients: Clients, service: str, operation: str) -> Any:
    """Make a call without arguments, by the API's name of the operation."""
    client = clients(service)
    names = {api: method for method, api in client.meta.method_to_api_mapping.items()}
    return getattr(client, names[operation])()


@pytest.mark.parametrize(("service", "operation"), THROTTLED)
@pytest.mark.parametrize("kind", ["throttle", "reset"])
def test_boto3_retries_what_is_throttled_or_cut_off(
    clients: Clients, local_aws: LocalAws, service: str, operation: str, kind: str
) -> None:
    """In every protocol the call succeeds with the retry that its client counts."""
    local_aws.admin("POST", "/faults", kind=kind, service=service, operation=operation, times=1)
    assert call(clients, service, operation)["ResponseMetadata"]["RetryAttempts"] == 1
    assert local_aws.admin("GET", "/faults")["faults"] == []


def test_an_error_has_the_code_and_status_that_are_asked_for(clients: Clients, local_aws: LocalAws) -> None:
    """boto3 raises the service's own exception, and other operations are spared."""
    docdb = clients("docdb")
    fault = {"operation": "FailoverDBCluster", "code": "InvalidDBClusterStateFault", "status": 400}
    with local_aws.fault("error", service="docdb", **fault):
        docdb.describe_db_clusters()
        with pytest.raises(docdb.exceptions.InvalidDBClusterStateFault) as caught:
            docdb.failover_db_cluster(DBClusterIdentifier="none")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert refused(docdb.failover_db_cluster, DBClusterIdentifier="none") == "DBClusterNotFoundFault"


def test_latency_holds_up_its_own_call_alone(clients: Clients, local_aws: LocalAws) -> None:
    """The slow call takes as long as it is told to."""
    with local_aws.fault("latency", service="ecs", seconds=0.4):
        begun = time.monotonic()
        clients("ecs").list_clusters()
        assert time.monotonic() - begun >= 0.4


def test_a_fault_ends_by_itself(local_aws: LocalAws) -> None:
    """After its seconds it is gone from the list."""
    assert local_aws.admin("POST", "/faults", kind="lost-az", zone="eu-central-1a", seconds=0.2)["id"]
    assert wait_until(lambda: local_aws.admin("GET", "/faults")["faults"] == [])


def test_a_reset_ends_all_faults(local_aws: LocalAws) -> None:
    """A fresh server has none."""
    local_aws.admin("POST", "/faults", kind="stuck", what="failover")
    local_aws.reset()
    assert local_aws.admin("GET", "/faults")["faults"] == []


def test_the_newest_failover_setting_counts(local_aws: LocalAws) -> None:
    """There is one at a time."""
    for seconds in (3, 5):
        local_aws.admin("POST", "/faults", kind="failover", seconds=seconds)
    assert [fault["seconds"] for fault in local_aws.admin("GET", "/faults")["faults"]] == [5]


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"kind": "flood"}, "kind must be one of error, failover"),
        ({"kind": "latency"}, "seconds is missing"),
        ({"kind": "stuck", "what": "pump", "zone": "a"}, "what must be one of .*; zone is unknown; stuck knows"),
        ({"kind": "lost-az", "zone": "eu-central-1z"}, "such as eu-central-1a, eu-central-1b"),
        (
            {"kind": "throttle", "service": "docdb", "operation": "failover_db_cluster", "times": 0},
            "such as FailoverDBCluster.*times must be a whole number",
        ),
        ({"kind": "error", "operation": "ListClusters"}, "given together with its service"),
        ({"kind": "error", "service": "documentdb"}, "boto3's name of a service"),
    ],
)
def test_what_can_not_be_is_refused_with_what_is_known(
    local_aws: LocalAws, members: dict[str, Any], words: str
) -> None:
    """All that is wrong is said at once, and nothing is injected."""
    with pytest.raises(TargetError, match=words):
        local_aws.admin("POST", "/faults", **members)
    assert local_aws.admin("GET", "/faults")["faults"] == []


def nat_and_route(clients: Clients) -> tuple[str, str]:
    """Create a NAT gateway in zone a and a default route to it; return the IDs of gateway and table."""
    ec2, where = clients("ec2"), network(clients)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat: str = ec2.create_nat_gateway(SubnetId=where.subnets[0], AllocationId=address)["NatGateway"]["NatGatewayId"]
    table: str = ec2.create_route_table(VpcId=where.vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    return nat, table


def route_state(clients: Clients, table: str) -> str:
    """Return the state of a table's default route."""
    routes = clients("ec2").describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    state: str = next(route["State"] for route in routes if route.get("DestinationCidrBlock") == "0.0.0.0/0")
    return state


@pytest.mark.parametrize("kind", ["lost-nat", "lost-az"])
def test_a_lost_nat_gateway_fails_and_blackholes_its_routes(clients: Clients, local_aws: LocalAws, kind: str) -> None:
    """While it is lost, alone or with its zone; afterwards all is as before."""
    nat, table = nat_and_route(clients)
    with local_aws.fault(kind, zone="eu-central-1a"):
        found = clients("ec2").describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"][0]
        assert (found["State"], found["FailureCode"]) == ("failed", "InternalError")
        assert route_state(clients, table) == "blackhole"
    assert clients("ec2").describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"][0]["State"] == "available"
    assert route_state(clients, table) == "active"


def test_a_lost_zone_is_impaired(clients: Clients, local_aws: LocalAws) -> None:
    """EC2 tells of it."""
    with local_aws.fault("lost-az", zone="eu-central-1b"):
        zones = clients("ec2").describe_availability_zones()["AvailabilityZones"]
    assert {zone["ZoneName"]: zone["State"] for zone in zones}["eu-central-1b"] == "impaired"


def test_a_deleted_nat_gateway_leaves_a_blackhole_and_nothing_else(clients: Clients) -> None:
    """Its address can be released, and no new route can lead to it."""
    ec2 = clients("ec2")
    nat, table = nat_and_route(clients)
    ec2.delete_nat_gateway(NatGatewayId=nat)
    assert route_state(clients, table) == "blackhole"
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []
    ec2.release_address(AllocationId=ec2.describe_addresses()["Addresses"][0]["AllocationId"])
    with pytest.raises(ClientError, match=r"InvalidNatGatewayID\.NotFound"):
        ec2.replace_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    assert refused(ec2.delete_nat_gateway, NatGatewayId="nat-0") == "NatGatewayNotFound"
