"""DocumentDB groups, clusters and instances."""

from __future__ import annotations

from typing import Any

import pytest

from prod_infra.errors import ProdInfraError
from prod_infra.local_aws.clients import Clients
from tests.local_aws.provider.lifecycle import Resource, made, run_lifecycle

SUBNETS = "aws:docdb/subnetGroup:SubnetGroup"
PARAMETERS = "aws:docdb/clusterParameterGroup:ClusterParameterGroup"
CLUSTER = "aws:docdb/cluster:Cluster"
INSTANCE = "aws:docdb/clusterInstance:ClusterInstance"
PASSWORD = "hunter2-hunter2"


@pytest.fixture
def subnet_ids(clients: Clients) -> list[str]:
    """One subnet in each of two zones."""
    ec2 = clients("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    return [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.1.{number}.0/24", AvailabilityZone=f"eu-central-1{zone}")["Subnet"][
            "SubnetId"
        ]
        for number, zone in enumerate("ab")
    ]


@pytest.fixture
def production(clients: Clients, subnet_ids: list[str]) -> dict[str, Any]:
    """Inputs of a cluster as production has it."""
    made(clients, SUBNETS, {"name": "prod", "subnetIds": subnet_ids})
    made(clients, PARAMETERS, {"name": "prod", "family": "docdb5.0"})
    ec2 = clients("ec2")
    vpc = ec2.describe_subnets(SubnetIds=subnet_ids)["Subnets"][0]["VpcId"]
    group = ec2.create_security_group(GroupName="db", Description="db", VpcId=vpc)["GroupId"]
    return {
        "clusterIdentifier": "prod",
        "masterUsername": "docdbadmin",
        "masterPassword": PASSWORD,
        "dbSubnetGroupName": "prod",
        "dbClusterParameterGroupName": "prod",
        "vpcSecurityGroupIds": [group],
        "backupRetentionPeriod": 14,
        "preferredBackupWindow": "03:00-04:00",
        "preferredMaintenanceWindow": "sun:04:00-sun:05:00",
        "enabledCloudwatchLogsExports": ["audit", "profiler"],
        "storageEncrypted": True,
        "applyImmediately": False,
        "finalSnapshotIdentifier": "prod-final",
        "tags": {"Name": "prod"},
    }


def test_subnet_group(clients: Clients, subnet_ids: list[str]) -> None:
    """A subnet group lives; subnets, description and tags change in place, their order never matters."""
    inputs = {"name": "prod", "subnetIds": subnet_ids[::-1], "tags": {"Name": "db"}}
    state = run_lifecycle(
        clients,
        SUBNETS,
        inputs,
        {**inputs, "subnetIds": subnet_ids[:1], "description": "private"},
        {**inputs, "subnetIds": subnet_ids, "tags": {"Owner": "platform"}},
    )
    assert state["arn"] == "arn:aws:rds:eu-central-1:123456789012:subgrp:prod"
    assert state["description"] == "Managed by Pulumi"


def test_parameter_group(clients: Clients) -> None:
    """A parameter group lives; parameters are set, changed and put back to the engine's default in place."""
    inputs = {
        "name": "prod",
        "family": "docdb5.0",
        "description": "TLS and audit",
        "parameters": [{"name": "tls", "value": "tls1.2+"}, {"name": "audit_logs", "value": "enabled"}],
        "tags": {"Name": "db"},
    }
    fewer = {**inputs, "parameters": [{"name": "tls", "value": "tls1.3+", "applyMethod": "pending-reboot"}]}
    state = run_lifecycle(clients, PARAMETERS, inputs, fewer)
    assert [(parameter["name"], parameter["value"]) for parameter in state["parameters"]] == [("tls", "tls1.3+")]


def test_cluster(clients: Clients, production: dict[str, Any]) -> None:
    """A cluster lives; retention, windows, logs, password and protection change in place."""
    changed = {
        **production,
        "backupRetentionPeriod": 21,
        "preferredBackupWindow": "01:00-02:00",
        "enabledCloudwatchLogsExports": ["audit"],
        "masterPassword": "another-password",
        "tags": {"Owner": "platform"},
    }
    state = run_lifecycle(
        clients,
        CLUSTER,
        production,
        changed,
        {**changed, "deletionProtection": True},
        changed,
        secrets={"masterPassword"},
    )
    assert state["id"] == "prod"
    assert state["port"] == 27017
    assert state["engineVersion"].startswith("5.")
    assert state["endpoint"].startswith("prod.cluster-")
    assert state["readerEndpoint"].startswith("prod.cluster-ro-")
    assert state["clusterResourceId"].startswith("cluster-")


def test_cluster_is_in_aws_as_asked(clients: Clients, production: dict[str, Any]) -> None:
    """AWS itself tells the settings of the production cluster."""
    made(clients, CLUSTER, production)
    held = clients("docdb").describe_db_clusters(DBClusterIdentifier="prod")["DBClusters"][0]
    assert held["BackupRetentionPeriod"] == 14
    assert sorted(held["EnabledCloudwatchLogsExports"]) == ["audit", "profiler"]
    assert (held["PreferredBackupWindow"], held["PreferredMaintenanceWindow"]) == ("03:00-04:00", "sun:04:00-sun:05:00")
    assert held["StorageEncrypted"]


def test_deletion_makes_the_final_snapshot(clients: Clients, production: dict[str, Any]) -> None:
    """A cluster leaves its final snapshot behind."""
    made(clients, CLUSTER, production).delete()
    snapshots = clients("docdb").describe_db_cluster_snapshots(DBClusterSnapshotIdentifier="prod-final")
    assert snapshots["DBClusterSnapshots"][0]["DBClusterIdentifier"] == "prod"


def test_skipped_snapshot(clients: Clients, production: dict[str, Any]) -> None:
    """`skipFinalSnapshot` leaves nothing behind."""
    inputs = {key: value for key, value in production.items() if key != "finalSnapshotIdentifier"}
    made(clients, CLUSTER, {**inputs, "skipFinalSnapshot": True}).delete()
    assert clients("docdb").describe_db_cluster_snapshots(SnapshotType="manual")["DBClusterSnapshots"] == []


def test_deletion_without_a_snapshot_name_is_refused_before(clients: Clients) -> None:
    """A cluster that could not be deleted is refused before it is made, with every other fault."""
    faults = Resource(clients, CLUSTER).check(
        {"clusterIdentifier": "Prod", "backupRetentionPeriod": 36, "preferredBackupWindow": "3 am"}
    )
    assert faults.keys() == {
        "clusterIdentifier",
        "finalSnapshotIdentifier",
        "backupRetentionPeriod",
        "preferredBackupWindow",
    }


def test_protected_cluster_stays(clients: Clients, production: dict[str, Any]) -> None:
    """AWS refuses to delete a protected cluster."""
    cluster = made(clients, CLUSTER, {**production, "deletionProtection": True})
    with pytest.raises(ProdInfraError, match=r"[Dd]eletion protection"):
        cluster.delete()
    assert cluster.read() is not None


def test_password_stays_out_of_errors_and_plain_state(clients: Clients, production: dict[str, Any]) -> None:
    """Neither AWS's refusal nor the state shows the password."""
    cluster = made(clients, CLUSTER, production)
    assert cluster.typed_state["masterPassword"].is_secret
    again = Resource(clients, CLUSTER)
    again.check(production, {"masterPassword"})
    with pytest.raises(ProdInfraError, match="DBClusterAlreadyExistsFault") as caught:
        again.create()
    assert PASSWORD not in str(caught.value)


def test_instances(clients: Clients, production: dict[str, Any]) -> None:
    """Instances live in their zones; the first one writes; class and tier change in place."""
    cluster = made(clients, CLUSTER, production)
    first = made(
        clients,
        INSTANCE,
        {
            "identifier": "prod-0",
            "clusterIdentifier": "prod",
            "instanceClass": "db.r6g.large",
            "availabilityZone": "eu-central-1a",
        },
    )
    inputs = {
        "identifier": "prod-1",
        "clusterIdentifier": "prod",
        "instanceClass": "db.r6g.large",
        "availabilityZone": "eu-central-1b",
        "promotionTier": 1,
        "tags": {"Name": "prod-1"},
    }
    changed = {**inputs, "instanceClass": "db.r6g.xlarge", "promotionTier": 2, "applyImmediately": True}
    state = run_lifecycle(clients, INSTANCE, inputs, changed, {**changed, "tags": {"Owner": "platform"}})
    assert (first.state["writer"], state["writer"]) == (True, False)
    assert state["availabilityZone"] == "eu-central-1b"
    assert state["endpoint"].startswith("prod-1.")
    assert state["port"] == 27017
    assert not cluster.diff().changes, "the cluster's members are no change of the cluster"


def test_instance_without_options(clients: Clients, production: dict[str, Any]) -> None:
    """What AWS chooses for an instance is no change."""
    made(clients, CLUSTER, production)
    run_lifecycle(clients, INSTANCE, {"clusterIdentifier": "prod", "instanceClass": "db.r6g.large"})


def test_cluster_without_options(clients: Clients) -> None:
    """What AWS chooses for a cluster is no change."""
    inputs = {"masterUsername": "docdbadmin", "masterPassword": PASSWORD, "skipFinalSnapshot": True}
    assert run_lifecycle(clients, CLUSTER, inputs, secrets={"masterPassword"})["id"].startswith("thing-")
