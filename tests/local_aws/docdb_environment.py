"""A DocumentDB cluster for tests, and waits for what AWS does by and by."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from prod_infra.local_aws.clients import Clients
from tests.local_aws.environment import network

PASSWORD = "not-a-real-one"
SECONDS = 20.0


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds; fail after SECONDS."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "this did not come true in time"
        time.sleep(0.02)


def seen(describe: Callable[..., dict[str, Any]], **given: Any) -> list[dict[str, Any]]:
    """Return the one list of a describe call."""
    return next(value for value in describe(**given).values() if isinstance(value, list))


def described(clients: Clients, name: str = "prod") -> dict[str, Any]:
    """Return a cluster."""
    return seen(clients("docdb").describe_db_clusters, DBClusterIdentifier=name)[0]


def instance(clients: Clients, name: str) -> dict[str, Any]:
    """Return an instance."""
    return seen(clients("docdb").describe_db_instances, DBInstanceIdentifier=name)[0]


def settled(clients: Clients, name: str = "prod") -> dict[str, Any]:
    """Wait until a cluster and all its instances are available, and return the cluster."""

    def done() -> bool:
        instances = seen(clients("docdb").describe_db_instances, Filters=[{"Name": "db-cluster-id", "Values": [name]}])
        return described(clients, name)["Status"] == "available" and all(
            each["DBInstanceStatus"] == "available" for each in instances
        )

    eventually(done)
    return described(clients, name)


def writers(clients: Clients, name: str = "prod") -> list[str]:
    """Return the instances of a cluster that are its writer."""
    members = described(clients, name)["DBClusterMembers"]
    return [each["DBInstanceIdentifier"] for each in members if each["IsClusterWriter"]]


def messages(clients: Clients, source_type: str, source: str) -> list[str]:
    """Return the messages of the events of a cluster or an instance, oldest first."""
    found = seen(clients("docdb").describe_events, SourceType=source_type, SourceIdentifier=source)
    return [each["Message"] for each in found]


def add_instance(clients: Clients, zone: str, tier: int = 1, size: str = "db.r6g.large") -> None:
    """Create the instance `prod-<zone>` in a zone, such as `a`."""
    clients("docdb").create_db_instance(
        DBInstanceIdentifier=f"prod-{zone}",
        DBInstanceClass=size,
        Engine="docdb",
        DBClusterIdentifier="prod",
        AvailabilityZone=f"eu-central-1{zone[0]}",
        PromotionTier=tier,
    )


def cluster(clients: Clients, *zones: str, **changes: Any) -> None:
    """Create the cluster `prod` with an instance in each of these zones, the first of them the writer; wait for it."""
    docdb = clients("docdb")
    where = network(clients)
    docdb.create_db_subnet_group(DBSubnetGroupName="prod", DBSubnetGroupDescription="x", SubnetIds=where.subnets)
    settings = {
        "DBClusterIdentifier": "prod",
        "Engine": "docdb",
        "MasterUsername": "operator",
        "MasterUserPassword": PASSWORD,
        "DBSubnetGroupName": "prod",
        "VpcSecurityGroupIds": [where.group],
    }
    docdb.create_db_cluster(**(settings | changes))
    settled(clients)
    for zone in zones:
        add_instance(clients, zone)
        settled(clients)
