"""Failovers, reboots, stops and lost zones of DocumentDB on the local AWS: who writes, when, and what AWS refuses."""

from __future__ import annotations

import time
from typing import Any

import pytest

from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.server import LocalAws
from tests.local_aws.docdb_environment import (
    add_instance,
    cluster,
    described,
    eventually,
    instance,
    messages,
    seen,
    settled,
    writers,
)
from tests.local_aws.environment import refused

FAST = 0.2


@pytest.fixture
def docdb(local_aws: LocalAws, clients: Clients) -> Any:
    """The client of a local AWS whose failovers are short."""
    local_aws.admin("POST", "/faults", kind="failover", seconds=FAST)
    return clients("docdb")


def fault(local_aws: LocalAws, kind: str, **members: Any) -> str:
    """Inject a fault and return its ID."""
    made: str = local_aws.admin("POST", "/faults", kind=kind, **members)["id"]
    return made


def test_a_failover_takes_its_time_and_moves_the_writer(local_aws: LocalAws, clients: Clients, docdb: Any) -> None:
    """While it runs nobody writes; then the target does, and the events say so."""
    cluster(clients, "a", "b")
    fault(local_aws, "failover", seconds=1)
    assert writers(clients) == ["prod-a"]
    started = time.monotonic()
    answer = docdb.failover_db_cluster(DBClusterIdentifier="prod", TargetDBInstanceIdentifier="prod-b")["DBCluster"]
    assert answer["Status"] == described(clients)["Status"] == "failing-over"
    assert writers(clients) == []
    assert instance(clients, "prod-a")["DBInstanceStatus"] == "rebooting"
    eventually(lambda: writers(clients) == ["prod-b"])
    assert time.monotonic() - started >= 1
    settled(clients)
    assert messages(clients, "db-cluster", "prod")[-2:] == [
        "Started cross AZ failover to DB instance: prod-b",
        "Completed customer initiated failover to DB instance: prod-b",
    ]
    assert messages(clients, "db-instance", "prod-a")[-2:] == ["DB instance shutdown", "DB instance restarted"]


def test_three_seconds_unless_set(clients: Clients) -> None:
    """Nobody has set how long: it is the documented default."""
    cluster(clients, "a", "b")
    started = time.monotonic()
    clients("docdb").failover_db_cluster(DBClusterIdentifier="prod")
    eventually(lambda: writers(clients) == ["prod-b"])
    assert time.monotonic() - started >= 3


def test_the_lowest_tier_takes_over_and_among_equals_the_closest_size(clients: Clients, docdb: Any) -> None:
    """AWS chooses by promotion tier, then by size."""
    cluster(clients, "a")
    add_instance(clients, "b1", tier=5)
    add_instance(clients, "b2", tier=2, size="db.r6g.4xlarge")
    add_instance(clients, "a2", tier=2, size="db.r6g.xlarge")
    settled(clients)
    docdb.failover_db_cluster(DBClusterIdentifier="prod")
    eventually(lambda: writers(clients) == ["prod-a2"])
    assert "Started same AZ failover to DB instance: prod-a2" in messages(clients, "db-cluster", "prod")


def test_what_aws_refuses_in_a_failover_is_refused(clients: Clients, docdb: Any) -> None:
    """Unknown clusters and instances, one instance, the writer as target, and one failover in another."""
    fail_over = docdb.failover_db_cluster
    assert refused(fail_over, DBClusterIdentifier="absent") == "DBClusterNotFoundFault"
    assert refused(fail_over) == "InvalidParameterValue"
    cluster(clients, "a")
    assert refused(fail_over, DBClusterIdentifier="prod") == "InvalidDBClusterStateFault"
    add_instance(clients, "b")
    target = {"DBClusterIdentifier": "prod", "TargetDBInstanceIdentifier": "prod-b"}
    assert refused(fail_over, **target) == "InvalidDBInstanceState"
    settled(clients)
    assert refused(fail_over, **(target | {"TargetDBInstanceIdentifier": "absent"})) == "InvalidDBInstanceState"
    assert refused(fail_over, **(target | {"TargetDBInstanceIdentifier": "prod-a"})) == "InvalidDBInstanceState"
    fail_over(**target)
    assert refused(fail_over, **target) == "InvalidDBClusterStateFault"
    settled(clients)
    assert writers(clients) == ["prod-b"]


def test_an_unhealthy_replica_can_not_take_over(local_aws: LocalAws, clients: Clients, docdb: Any) -> None:
    """Neither as a target nor chosen; the writer stays."""
    cluster(clients, "a", "b")
    fault(local_aws, "unhealthy-replica", instance="prod-b")
    assert instance(clients, "prod-b")["DBInstanceStatus"] == "failed"
    assert refused(docdb.failover_db_cluster, DBClusterIdentifier="prod") == "InvalidDBClusterStateFault"
    target = {"DBClusterIdentifier": "prod", "TargetDBInstanceIdentifier": "prod-b"}
    assert refused(docdb.failover_db_cluster, **target) == "InvalidDBInstanceState"
    assert writers(clients) == ["prod-a"]


def test_a_stuck_failover_goes_on_when_the_fault_ends(local_aws: LocalAws, clients: Clients, docdb: Any) -> None:
    """It fails over until then, with no writer."""
    cluster(clients, "a", "b")
    stuck = fault(local_aws, "stuck", what="failover")
    docdb.failover_db_cluster(DBClusterIdentifier="prod")
    time.sleep(FAST * 3)
    assert (described(clients)["Status"], writers(clients)) == ("failing-over", [])
    local_aws.admin("DELETE", "/faults", id=stuck)
    eventually(lambda: writers(clients) == ["prod-b"])


def test_a_lost_zone_takes_the_writer_along(local_aws: LocalAws, clients: Clients, docdb: Any) -> None:
    """AWS fails over by itself; the instance in the lost zone fails, and comes back as a replica."""
    cluster(clients, "a", "b")
    fault(local_aws, "lost-az", zone="eu-central-1a")
    eventually(lambda: writers(clients) == ["prod-b"])
    assert messages(clients, "db-cluster", "prod")[-1] == "Completed RDS initiated failover to DB instance: prod-b"
    assert instance(clients, "prod-a")["DBInstanceStatus"] == "failed"
    target = {"DBClusterIdentifier": "prod", "TargetDBInstanceIdentifier": "prod-a"}
    assert refused(docdb.failover_db_cluster, **target) == "InvalidDBInstanceState"
    local_aws.admin("DELETE", "/faults")
    settled(clients)
    assert writers(clients) == ["prod-b"]


def test_a_lost_zone_without_a_replica_elsewhere_waits_for_one(
    local_aws: LocalAws, clients: Clients, docdb: Any
) -> None:
    """Nobody can take over until there is an instance in another zone."""
    cluster(clients, "a")
    fault(local_aws, "lost-az", zone="eu-central-1a")
    time.sleep(FAST * 2)
    assert instance(clients, "prod-a")["DBInstanceStatus"] == "failed"
    assert refused(docdb.reboot_db_instance, DBInstanceIdentifier="prod-a") == "InvalidDBInstanceState"
    add_instance(clients, "b")
    eventually(lambda: writers(clients) == ["prod-b"])


def test_deleting_the_writer_promotes_the_replica(clients: Clients, docdb: Any) -> None:
    """The deleted one goes, the other one writes; deleting it twice is refused."""
    cluster(clients, "a", "b")
    docdb.delete_db_instance(DBInstanceIdentifier="prod-a")
    assert instance(clients, "prod-a")["DBInstanceStatus"] == "deleting"
    assert refused(docdb.delete_db_instance, DBInstanceIdentifier="prod-a") == "InvalidDBInstanceState"
    eventually(lambda: writers(clients) == ["prod-b"])
    eventually(lambda: len(described(clients)["DBClusterMembers"]) == 1)
    assert refused(docdb.delete_db_instance, DBInstanceIdentifier="prod-a") == "DBInstanceNotFound"
    assert refused(docdb.delete_db_cluster, DBClusterIdentifier="prod", SkipFinalSnapshot=True) == (
        "InvalidDBClusterStateFault"
    )


def test_a_reboot_leaves_the_writer_where_it_is(clients: Clients, docdb: Any) -> None:
    """It restarts in its role; while it does, no second reboot and no failover to it."""
    cluster(clients, "a", "b")
    assert docdb.reboot_db_instance(DBInstanceIdentifier="prod-b")["DBInstance"]["DBInstanceStatus"] == "rebooting"
    assert refused(docdb.reboot_db_instance, DBInstanceIdentifier="prod-b") == "InvalidDBInstanceState"
    settled(clients)
    docdb.reboot_db_instance(DBInstanceIdentifier="prod-a")
    settled(clients)
    assert writers(clients) == ["prod-a"]
    assert messages(clients, "db-instance", "prod-a")[-1] == "DB instance restarted"


def test_a_forced_failover_needs_a_second_zone(clients: Clients, docdb: Any) -> None:
    """`ForceFailover` moves the writer of a cluster in two zones, and is refused in one."""
    cluster(clients, "a", "a2")
    force = {"DBInstanceIdentifier": "prod-a", "ForceFailover": True}
    assert refused(docdb.reboot_db_instance, **force) == "InvalidParameterCombination"
    docdb.delete_db_instance(DBInstanceIdentifier="prod-a2")
    add_instance(clients, "b")
    eventually(lambda: len(described(clients)["DBClusterMembers"]) == 2)
    settled(clients)
    docdb.reboot_db_instance(**force)
    eventually(lambda: writers(clients) == ["prod-b"])


def test_a_stopped_cluster_has_no_instance_that_answers(clients: Clients, docdb: Any) -> None:
    """Stop and start take their time, change nothing, and are refused at the wrong time."""
    cluster(clients, "a", "b")
    assert refused(docdb.start_db_cluster, DBClusterIdentifier="prod") == "InvalidDBClusterStateFault"
    assert docdb.stop_db_cluster(DBClusterIdentifier="prod")["DBCluster"]["Status"] == "stopping"
    eventually(lambda: described(clients)["Status"] == "stopped")
    assert instance(clients, "prod-a")["DBInstanceStatus"] == "stopped"
    assert refused(docdb.failover_db_cluster, DBClusterIdentifier="prod") == "InvalidDBClusterStateFault"
    docdb.start_db_cluster(DBClusterIdentifier="prod")
    settled(clients)
    assert writers(clients) == ["prod-a"]
    assert messages(clients, "db-cluster", "prod")[-2:] == ["DB cluster stopped", "DB cluster started"]


def test_events_are_found_by_source_category_and_time(clients: Clients, docdb: Any) -> None:
    """A runbook asks for the failover events of its cluster, since it began."""
    cluster(clients, "a", "b")
    docdb.failover_db_cluster(DBClusterIdentifier="prod")
    settled(clients)
    events = seen(docdb.describe_events, EventCategories=["failover"])
    assert [each["SourceIdentifier"] for each in events] == ["prod", "prod"]
    assert events[0]["SourceArn"].endswith(":cluster:prod")
    later = seen(docdb.describe_events, EventCategories=["failover"], StartTime=events[-1]["Date"])
    assert later == events[-1:]
    assert refused(docdb.describe_events, SourceIdentifier="prod") == "InvalidParameterCombination"
    pages = docdb.get_paginator("describe_events").paginate(PaginationConfig={"PageSize": 20})
    assert sum(len(page["Events"]) for page in pages) == len(seen(docdb.describe_events))


def test_both_clients_see_the_same(clients: Clients, docdb: Any) -> None:
    """`rds` and `docdb` are one API on the wire."""
    cluster(clients, "a", "b")
    clients("rds").failover_db_cluster(DBClusterIdentifier="prod", TargetDBInstanceIdentifier="prod-b")
    eventually(lambda: writers(clients) == ["prod-b"])
    code = refused(clients("rds").failover_db_cluster, DBClusterIdentifier="prod", TargetDBInstanceIdentifier="prod-b")
    assert code in {"InvalidDBInstanceState", "InvalidDBClusterStateFault"}
    waiter = docdb.get_waiter("db_instance_available")
    settled(clients)
    waiter.wait(DBInstanceIdentifier="prod-b")
