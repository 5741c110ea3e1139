"""Restores, snapshots and passwords of DocumentDB on the local AWS, with the gaps that AWS's restores have."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from prod_infra.errors import TargetError
from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.server import LocalAws
from tests.local_aws.docdb_environment import (
    PASSWORD,
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

NEW_PASSWORD = "another-not-real-one"


@pytest.fixture
def docdb(local_aws: LocalAws, clients: Clients) -> Iterator[Any]:
    """The client of a local AWS in which five minutes take half a second."""
    local_aws.admin("POST", "/clock", factor=600)
    yield clients("docdb")
    local_aws.admin("POST", "/clock", factor=60)


def restore(clients: Clients, name: str = "copy", **given: Any) -> dict[str, Any]:
    """Restore `prod` to a point in time, by default the latest, and return the new cluster as the call does."""
    how = given if "RestoreToTime" in given else {"UseLatestRestorableTime": True} | given
    answer: dict[str, Any] = clients("docdb").restore_db_cluster_to_point_in_time(
        DBClusterIdentifier=name, SourceDBClusterIdentifier="prod", **how
    )["DBCluster"]
    return answer


def production(clients: Clients) -> None:
    """Create the cluster `prod` with settings that a restore drops."""
    clients("docdb").create_db_cluster_parameter_group(
        DBClusterParameterGroupName="own", DBParameterGroupFamily="docdb5.0", Description="x"
    )
    cluster(
        clients,
        "a",
        DBClusterParameterGroupName="own",
        StorageEncrypted=True,
        DeletionProtection=True,
        EnableCloudwatchLogsExports=["audit"],
        BackupRetentionPeriod=14,
        Tags=[{"Key": "Name", "Value": "prod"}],
    )


def accepted(local_aws: LocalAws, password: str, name: str = "prod", user: str = "operator") -> bool:
    """Return whether a cluster lets a user in."""
    answer: bool = local_aws.admin("POST", "/docdb/login", cluster=name, user=user, password=password)["accepted"]
    return answer


def test_a_restored_cluster_has_the_gaps_that_aws_leaves(clients: Clients, docdb: Any) -> None:
    """No instances, default groups, no protection, tags or logs; engine, key and backups are the source's."""
    production(clients)
    made = restore(clients, DBSubnetGroupName="prod")
    assert (made["Status"], made["DBClusterMembers"]) == ("creating", [])
    source, copy = described(clients), settled(clients, "copy")
    assert copy["DBClusterParameterGroup"] == "default.docdb5.0"
    assert copy["DBSubnetGroup"] == "prod"
    assert copy["VpcSecurityGroups"] != source["VpcSecurityGroups"]
    assert len(copy["VpcSecurityGroups"]) == 1
    assert not copy["DeletionProtection"]
    assert not copy.get("EnabledCloudwatchLogsExports")
    assert seen(docdb.list_tags_for_resource, ResourceName=copy["DBClusterArn"]) == []
    for same in ("EngineVersion", "KmsKeyId", "StorageEncrypted", "BackupRetentionPeriod", "MasterUsername"):
        assert copy[same] == source[same]
    assert len({each[key] for each in (source, copy) for key in ("Endpoint", "DbClusterResourceId")}) == 4


def test_what_the_call_gives_the_copy_has(clients: Clients, docdb: Any) -> None:
    """Groups, protection, logs and tags can be given; the parameter group only later, and counts after a reboot."""
    production(clients)
    group = described(clients)["VpcSecurityGroups"][0]["VpcSecurityGroupId"]
    restore(
        clients,
        DBSubnetGroupName="prod",
        VpcSecurityGroupIds=[group],
        DeletionProtection=True,
        EnableCloudwatchLogsExports=["profiler"],
        Tags=[{"Key": "Name", "Value": "copy"}],
    )
    docdb.create_db_instance(
        DBInstanceIdentifier="copy-a", DBInstanceClass="db.r6g.large", Engine="docdb", DBClusterIdentifier="copy"
    )
    copy = settled(clients, "copy")
    assert writers(clients, "copy") == ["copy-a"]
    assert [each["VpcSecurityGroupId"] for each in copy["VpcSecurityGroups"]] == [group]
    assert (copy["DeletionProtection"], copy["EnabledCloudwatchLogsExports"]) == (True, ["profiler"])
    assert seen(docdb.list_tags_for_resource, ResourceName=copy["DBClusterArn"]) == [{"Key": "Name", "Value": "copy"}]
    docdb.modify_db_cluster(DBClusterIdentifier="copy", DBClusterParameterGroupName="own")
    member = settled(clients, "copy")["DBClusterMembers"][0]
    assert member["DBClusterParameterGroupStatus"] == "pending-reboot"
    docdb.reboot_db_instance(DBInstanceIdentifier="copy-a")
    member = settled(clients, "copy")["DBClusterMembers"][0]
    assert member["DBClusterParameterGroupStatus"] == "in-sync"


@pytest.mark.usefixtures("docdb")
def test_the_restorable_time_moves_and_bounds_a_restore(clients: Clients) -> None:
    """Its ends can be restored to, what lies outside can't."""
    cluster(clients)
    first = described(clients)
    earliest = first["EarliestRestorableTime"]
    assert earliest <= first["LatestRestorableTime"] <= datetime.now(UTC)
    eventually(lambda: described(clients)["LatestRestorableTime"] > first["LatestRestorableTime"])
    for outside in (earliest - timedelta(seconds=1), datetime.now(UTC) + timedelta(minutes=1)):
        assert refused(restore, clients=clients, RestoreToTime=outside) == "InvalidRestoreFault"
    restore(clients, RestoreToTime=earliest)
    restore(clients, "copy2", RestoreToTime=described(clients)["LatestRestorableTime"])
    settled(clients, "copy2")


def test_what_aws_refuses_in_a_restore_is_refused(clients: Clients, docdb: Any) -> None:
    """Both times, no time, an unknown source or group, a name that is taken, and a key for what is not encrypted."""
    cluster(clients)
    now = datetime.now(UTC)
    call = docdb.restore_db_cluster_to_point_in_time
    names = {"DBClusterIdentifier": "copy", "SourceDBClusterIdentifier": "prod"}
    both = {"RestoreToTime": now, "UseLatestRestorableTime": True}
    assert refused(call, **names, **both) == "InvalidParameterCombination"
    assert refused(call, **names) == "InvalidParameterCombination"
    assert refused(call, **(names | {"SourceDBClusterIdentifier": "absent"}), UseLatestRestorableTime=True) == (
        "DBClusterNotFoundFault"
    )
    assert refused(restore, clients=clients, name="prod") == "DBClusterAlreadyExistsFault"
    assert refused(restore, clients=clients, DBSubnetGroupName="absent") == "DBSubnetGroupNotFoundFault"
    assert refused(restore, clients=clients, KmsKeyId="alias/aws/rds") == "InvalidRestoreFault"
    assert [each["DBClusterIdentifier"] for each in seen(docdb.describe_db_clusters)] == ["prod"]


def test_a_stuck_restore_goes_on_when_the_fault_ends(local_aws: LocalAws, clients: Clients, docdb: Any) -> None:
    """The cluster is creating until then, and its instances with it."""
    cluster(clients)
    stuck = local_aws.admin("POST", "/faults", kind="stuck", what="restore")["id"]
    restore(clients, DBSubnetGroupName="prod")
    docdb.create_db_instance(
        DBInstanceIdentifier="copy-a", DBInstanceClass="db.r6g.large", Engine="docdb", DBClusterIdentifier="copy"
    )
    latest = described(clients)["LatestRestorableTime"]
    eventually(lambda: described(clients)["LatestRestorableTime"] > latest + timedelta(seconds=0.3))
    assert described(clients, "copy")["Status"] == "creating"
    assert instance(clients, "copy-a")["DBInstanceStatus"] == "creating"
    local_aws.admin("DELETE", "/faults", id=stuck)
    settled(clients, "copy")


def test_a_snapshot_takes_time_and_restores(clients: Clients, docdb: Any) -> None:
    """It can be restored once it is available, with a parameter group of the caller's choice."""
    production(clients)
    names = {"DBClusterSnapshotIdentifier": "before", "DBClusterIdentifier": "prod"}
    made = docdb.create_db_cluster_snapshot(**names)["DBClusterSnapshot"]
    assert (made["Status"], made["PercentProgress"], made["SnapshotType"]) == ("creating", 0, "manual")
    assert refused(docdb.create_db_cluster_snapshot, **names) == "DBClusterSnapshotAlreadyExistsFault"
    which = {"DBClusterSnapshotIdentifier": "before"}
    eventually(lambda: seen(docdb.describe_db_cluster_snapshots, **which)[0]["Status"] == "available")
    call = {"DBClusterIdentifier": "copy", "SnapshotIdentifier": "before", "Engine": "docdb"}
    docdb.restore_db_cluster_from_snapshot(DBClusterParameterGroupName="own", **call)
    copy = settled(clients, "copy")
    assert (copy["DBClusterParameterGroup"], copy["DBClusterMembers"]) == ("own", [])
    absent = call | {"DBClusterIdentifier": "copy2", "SnapshotIdentifier": "absent"}
    assert refused(docdb.restore_db_cluster_from_snapshot, **absent) == "DBClusterSnapshotNotFoundFault"


def test_automated_snapshots_are_awss_own(clients: Clients, docdb: Any) -> None:
    """A new cluster has one; it can't be deleted by hand."""
    cluster(clients, Tags=[{"Key": "Name", "Value": "prod"}])
    automated = seen(docdb.describe_db_cluster_snapshots, SnapshotType="automated")
    assert [each["DBClusterIdentifier"] for each in automated] == ["prod"]
    name = automated[0]["DBClusterSnapshotIdentifier"]
    assert refused(docdb.delete_db_cluster_snapshot, DBClusterSnapshotIdentifier=name) == (
        "InvalidDBClusterSnapshotStateFault"
    )


@pytest.mark.parametrize(("copied", "tags"), [(True, [{"Key": "Name", "Value": "prod"}]), (False, [])])
def test_tags_are_copied_to_snapshots_where_the_cluster_says_so(
    clients: Clients, docdb: Any, *, copied: bool, tags: list[dict[str, str]]
) -> None:
    """`CopyTagsToSnapshot` decides for snapshots without tags of their own."""
    cluster(clients, Tags=[{"Key": "Name", "Value": "prod"}], CopyTagsToSnapshot=copied)
    docdb.create_db_cluster_snapshot(DBClusterSnapshotIdentifier="before", DBClusterIdentifier="prod")
    arn = seen(docdb.describe_db_cluster_snapshots, DBClusterSnapshotIdentifier="before")[0]["DBClusterSnapshotArn"]
    assert seen(docdb.list_tags_for_resource, ResourceName=arn) == tags


def test_a_new_password_counts_at_once_only_if_asked(local_aws: LocalAws, clients: Clients, docdb: Any) -> None:
    """Without ApplyImmediately it waits; with it the status tells, then the old one is refused."""
    cluster(clients, "a")
    assert accepted(local_aws, PASSWORD)
    assert not accepted(local_aws, NEW_PASSWORD)
    assert not accepted(local_aws, PASSWORD, user="somebody")
    docdb.modify_db_cluster(DBClusterIdentifier="prod", MasterUserPassword=NEW_PASSWORD)
    settled(clients)
    assert accepted(local_aws, PASSWORD)
    changed = docdb.modify_db_cluster(
        DBClusterIdentifier="prod", MasterUserPassword=NEW_PASSWORD, ApplyImmediately=True
    )["DBCluster"]
    assert changed["Status"] == "resetting-master-credentials"
    eventually(lambda: accepted(local_aws, NEW_PASSWORD))
    assert not accepted(local_aws, PASSWORD)
    assert "Reset master credentials" in messages(clients, "db-instance", "prod-a")


def test_a_restore_has_the_password_of_its_time(local_aws: LocalAws, clients: Clients, docdb: Any) -> None:
    """Users come with the data: a copy of yesterday has yesterday's password."""
    cluster(clients)
    before = described(clients)["EarliestRestorableTime"]
    docdb.modify_db_cluster(DBClusterIdentifier="prod", MasterUserPassword=NEW_PASSWORD, ApplyImmediately=True)
    eventually(lambda: accepted(local_aws, NEW_PASSWORD))
    restore(clients, RestoreToTime=before)
    assert accepted(local_aws, PASSWORD, "copy")
    assert not accepted(local_aws, NEW_PASSWORD, "copy")


@pytest.mark.parametrize("password", ["tiny-pw", "has a space in it", "slash/slash", "x" * 101, "ümlaut-ümlaut"])
def test_a_password_that_can_not_be_is_refused_and_never_repeated(clients: Clients, docdb: Any, password: str) -> None:
    """AWS's rules for length and characters hold for create and modify."""
    cluster(clients)
    with pytest.raises(docdb.exceptions.ClientError) as caught:
        docdb.modify_db_cluster(DBClusterIdentifier="prod", MasterUserPassword=password, ApplyImmediately=True)
    assert caught.value.response["Error"]["Code"] == "InvalidParameterValue"
    assert password not in str(caught.value)


@pytest.mark.usefixtures("clients")
def test_a_login_that_can_not_be_asked_says_why(local_aws: LocalAws) -> None:
    """Missing members and unknown clusters are errors, without the password."""
    with pytest.raises(TargetError, match="user, password must be given"):
        local_aws.admin("POST", "/docdb/login", cluster="prod")
    with pytest.raises(TargetError, match="no DocumentDB cluster") as caught:
        accepted(local_aws, PASSWORD)
    assert PASSWORD not in str(caught.value)


def test_a_copy_can_take_the_place_of_its_source(clients: Clients, docdb: Any) -> None:
    """Renaming swaps a restored cluster in: names, endpoints and members move along, at once only if asked."""
    cluster(clients, "a")
    restore(clients)
    settled(clients, "copy")
    rename = {"DBClusterIdentifier": "prod", "NewDBClusterIdentifier": "old"}
    assert refused(docdb.modify_db_cluster, **(rename | {"NewDBClusterIdentifier": "copy"})) == (
        "DBClusterAlreadyExistsFault"
    )
    docdb.modify_db_cluster(**rename)
    assert described(clients)["Endpoint"].startswith("prod.")
    docdb.modify_db_cluster(**rename, ApplyImmediately=True)
    docdb.modify_db_cluster(DBClusterIdentifier="copy", NewDBClusterIdentifier="prod", ApplyImmediately=True)
    assert writers(clients, "old") == ["prod-a"]
    assert instance(clients, "prod-a")["DBClusterIdentifier"] == "old"
    assert described(clients)["Endpoint"].startswith("prod.")
    assert described(clients)["DBClusterMembers"] == []
