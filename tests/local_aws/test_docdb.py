"""DocumentDB on the local AWS: what is set is what describe returns, and what AWS refuses is refused."""

from __future__ import annotations

from typing import Any

import pytest

from prod_infra.local_aws.clients import Clients
from tests.local_aws.docdb_environment import described, eventually, seen, settled
from tests.local_aws.environment import Network, network, refused

CLUSTER: dict[str, Any] = {
    "DBClusterIdentifier": "prod",
    "Engine": "docdb",
    "EngineVersion": "5.0.0",
    "MasterUsername": "operator",
    "MasterUserPassword": "not-a-real-one",
    "DBSubnetGroupName": "prod",
    "DBClusterParameterGroupName": "prod",
    "BackupRetentionPeriod": 14,
    "PreferredBackupWindow": "03:00-04:00",
    "PreferredMaintenanceWindow": "sun:04:00-sun:05:00",
    "EnableCloudwatchLogsExports": ["audit", "profiler"],
    "DeletionProtection": True,
    "StorageEncrypted": True,
    "Port": 27017,
}


@pytest.fixture
def where(clients: Clients) -> Network:
    """A network with the cluster's subnet and parameter groups."""
    made = network(clients)
    docdb = clients("docdb")
    docdb.create_db_subnet_group(DBSubnetGroupName="prod", DBSubnetGroupDescription="x", SubnetIds=made.subnets)
    docdb.create_db_cluster_parameter_group(
        DBClusterParameterGroupName="prod", DBParameterGroupFamily="docdb5.0", Description="x"
    )
    return made


def create(clients: Clients, where: Network, **changes: Any) -> dict[str, Any]:
    """Create a cluster with production's settings, and return it as describe does once it is available."""
    clients("docdb").create_db_cluster(VpcSecurityGroupIds=[where.group], **(CLUSTER | changes))
    return settled(clients)


def test_a_cluster_reads_back_as_it_was_set(clients: Clients, where: Network) -> None:
    """Every setting of production's cluster survives the round trip."""
    cluster = create(clients, where)
    same = CLUSTER.keys() & cluster.keys()
    assert {key: cluster[key] for key in same if key != "DBSubnetGroupName"} == {key: CLUSTER[key] for key in same}
    assert cluster["DBSubnetGroup"] == "prod"
    assert cluster["DBClusterParameterGroup"] == "prod"
    assert cluster["EnabledCloudwatchLogsExports"] == ["audit", "profiler"]
    assert cluster["VpcSecurityGroups"] == [{"VpcSecurityGroupId": where.group, "Status": "active"}]
    assert ":key/" in cluster["KmsKeyId"]
    assert ".docdb.amazonaws.com" in cluster["Endpoint"]


@pytest.mark.usefixtures("where")
def test_silence_means_documentdbs_defaults(clients: Clients) -> None:
    """What is not set is what DocumentDB makes of it, not Aurora."""
    clients("docdb").create_db_cluster(
        DBClusterIdentifier="prod",
        Engine="docdb",
        MasterUsername="operator",
        MasterUserPassword="not-a-real-one",
        DBSubnetGroupName="prod",
    )
    cluster = described(clients)
    assert (cluster["EngineVersion"], cluster["Port"]) == ("5.0.0", 27017)
    assert cluster["DBClusterParameterGroup"] == "default.docdb5.0"
    assert "StorageType" not in cluster
    assert "KmsKeyId" not in cluster


def test_a_cluster_becomes_available(clients: Clients, where: Network) -> None:
    """The status starts at creating, in which nothing can be changed, and ends at available."""
    docdb = clients("docdb")
    made = docdb.create_db_cluster(VpcSecurityGroupIds=[where.group], **CLUSTER)["DBCluster"]
    assert made["Status"] == "creating"
    assert refused(docdb.modify_db_cluster, DBClusterIdentifier="prod", BackupRetentionPeriod=20) == (
        "InvalidDBClusterStateFault"
    )
    assert settled(clients)["Status"] == "available"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"BackupRetentionPeriod": 36}, "InvalidParameterValue"),
        ({"BackupRetentionPeriod": 0}, "InvalidParameterValue"),
        ({"PreferredBackupWindow": "04:30-05:30"}, "InvalidParameterValue"),
        ({"DBClusterParameterGroupName": "absent"}, "DBClusterParameterGroupNotFound"),
        ({"DBSubnetGroupName": "absent"}, "DBSubnetGroupNotFoundFault"),
        ({"EnableCloudwatchLogsExports": ["slowquery"]}, "InvalidParameterCombination"),
        ({"MasterUserPassword": "short"}, "InvalidParameterValue"),
    ],
)
def test_what_aws_refuses_in_a_cluster_is_refused(
    clients: Clients, where: Network, change: dict[str, Any], code: str
) -> None:
    """A setting that can't be ends with AWS's error code, and no cluster."""
    assert refused(create, clients=clients, where=where, **change) == code
    assert clients("docdb").describe_db_clusters()["DBClusters"] == []


def test_a_second_cluster_of_the_name_is_refused(clients: Clients, where: Network) -> None:
    """Creating again does not replace the first."""
    create(clients, where)
    assert refused(create, clients=clients, where=where) == "DBClusterAlreadyExistsFault"


def test_modify_changes_log_exports_and_settings(clients: Clients, where: Network) -> None:
    """Each change of a modify is what describe returns after it."""
    create(clients, where)
    clients("docdb").modify_db_cluster(
        DBClusterIdentifier="prod",
        BackupRetentionPeriod=20,
        DeletionProtection=False,
        PreferredBackupWindow="01:00-02:00",
        CloudwatchLogsExportConfiguration={"DisableLogTypes": ["profiler"]},
    )
    cluster = described(clients)
    assert cluster["BackupRetentionPeriod"] == 20
    assert cluster["DeletionProtection"] is False
    assert cluster["PreferredBackupWindow"] == "01:00-02:00"
    assert cluster["EnabledCloudwatchLogsExports"] == ["audit"]


def test_modifying_a_cluster_that_is_absent_says_so(clients: Clients) -> None:
    """An unknown cluster is AWS's not-found, not a server error."""
    assert refused(clients("docdb").modify_db_cluster, DBClusterIdentifier="absent") == "DBClusterNotFoundFault"


def test_instances_stay_in_their_zones_and_one_writes(clients: Clients, where: Network) -> None:
    """Instances are pinned to zones, belong to the cluster's subnet group, and have one writer."""
    create(clients, where)
    for zone in "ba":
        clients("docdb").create_db_instance(
            DBInstanceIdentifier=f"prod-{zone}",
            DBInstanceClass="db.r6g.large",
            Engine="docdb",
            DBClusterIdentifier="prod",
            AvailabilityZone=f"eu-central-1{zone}",
            PromotionTier=2,
            CopyTagsToSnapshot=True,
            PreferredMaintenanceWindow="sun:04:00-sun:05:00",
        )
        settled(clients)
    instances = clients("docdb").describe_db_instances()["DBInstances"]
    assert [each["AvailabilityZone"] for each in instances] == ["eu-central-1b", "eu-central-1a"]
    assert len({each["DbiResourceId"] for each in instances}) == 2
    for each in instances:
        assert each["DBInstanceStatus"] == "available"
        assert each["DBSubnetGroup"]["DBSubnetGroupName"] == "prod"
        assert (each["PromotionTier"], each["CopyTagsToSnapshot"], each["Endpoint"]["Port"]) == (2, True, 27017)
        assert each["PreferredMaintenanceWindow"] == "sun:04:00-sun:05:00"
    assert [each["IsClusterWriter"] for each in described(clients)["DBClusterMembers"]] == [True, False]


def test_instances_without_a_zone_spread(clients: Clients, where: Network) -> None:
    """Left to itself AWS puts instances in different zones of the subnet group."""
    create(clients, where)
    for number in range(2):
        clients("docdb").create_db_instance(
            DBInstanceIdentifier=f"prod-{number}",
            DBInstanceClass="db.r6g.large",
            Engine="docdb",
            DBClusterIdentifier="prod",
        )
    zones = {each["AvailabilityZone"] for each in clients("docdb").describe_db_instances()["DBInstances"]}
    assert zones == {"eu-central-1a", "eu-central-1b"}


def test_deletion_asks_for_a_final_snapshot_and_no_protection(clients: Clients, where: Network) -> None:
    """A protected cluster, or one without a word on the snapshot, stays; then the snapshot outlives it."""
    create(clients, where)
    docdb = clients("docdb")
    assert refused(docdb.delete_db_cluster, DBClusterIdentifier="prod", SkipFinalSnapshot=True) == (
        "InvalidParameterCombination"
    )
    docdb.modify_db_cluster(DBClusterIdentifier="prod", DeletionProtection=False)
    assert refused(docdb.delete_db_cluster, DBClusterIdentifier="prod") == "InvalidParameterCombination"
    deleted = docdb.delete_db_cluster(DBClusterIdentifier="prod", FinalDBSnapshotIdentifier="last")["DBCluster"]
    assert deleted["Status"] == "deleting"
    snapshots = docdb.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier="last")["DBClusterSnapshots"]
    assert [snapshot["DBClusterIdentifier"] for snapshot in snapshots] == ["prod"]
    eventually(lambda: not docdb.describe_db_clusters()["DBClusters"])
    assert refused(docdb.describe_db_clusters, DBClusterIdentifier="prod") == "DBClusterNotFoundFault"
    assert [each["DBClusterSnapshotIdentifier"] for each in seen(docdb.describe_db_cluster_snapshots)] == ["last"]


def test_groups_in_use_can_not_be_deleted(clients: Clients, where: Network) -> None:
    """The cluster holds on to its subnet and parameter groups."""
    create(clients, where)
    docdb = clients("docdb")
    assert refused(docdb.delete_db_subnet_group, DBSubnetGroupName="prod") == "InvalidDBSubnetGroupStateFault"
    assert refused(docdb.delete_db_cluster_parameter_group, DBClusterParameterGroupName="prod") == (
        "InvalidDBParameterGroupState"
    )


def parameters(clients: Clients, **given: Any) -> dict[str, str]:
    """Return values by name of the group `prod`."""
    answer = clients("docdb").describe_db_cluster_parameters(DBClusterParameterGroupName="prod", **given)
    return {each["ParameterName"]: each.get("ParameterValue", "") for each in answer["Parameters"]}


@pytest.mark.usefixtures("where")
def test_parameters_are_the_familys_until_set_and_again_after_a_reset(clients: Clients) -> None:
    """A group lists all of its family's parameters; `user` ones are those that were set."""
    docdb = clients("docdb")
    assert parameters(clients)["tls"] == "enabled"
    docdb.modify_db_cluster_parameter_group(
        DBClusterParameterGroupName="prod",
        Parameters=[{"ParameterName": "tls", "ParameterValue": "tls1.2+", "ApplyMethod": "pending-reboot"}],
    )
    assert parameters(clients, Source="user") == {"tls": "tls1.2+"}
    assert parameters(clients)["audit_logs"] == "disabled"
    docdb.reset_db_cluster_parameter_group(DBClusterParameterGroupName="prod", ResetAllParameters=True)
    assert parameters(clients)["tls"] == "enabled"


@pytest.mark.usefixtures("where")
def test_an_unknown_parameter_is_refused(clients: Clients) -> None:
    """A parameter that the family lacks is an error that names it."""
    arguments = {
        "DBClusterParameterGroupName": "prod",
        "Parameters": [{"ParameterName": "tsl", "ParameterValue": "enabled", "ApplyMethod": "pending-reboot"}],
    }
    assert refused(clients("docdb").modify_db_cluster_parameter_group, **arguments) == "InvalidParameterValue"


def test_tags_follow_the_cluster_and_its_instances(clients: Clients, where: Network) -> None:
    """Tags are listed by ARN, added and removed."""
    docdb = clients("docdb")
    arn = create(clients, where, Tags=[{"Key": "Name", "Value": "prod"}])["DBClusterArn"]
    docdb.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "Tier", "Value": "data"}])
    docdb.remove_tags_from_resource(ResourceName=arn, TagKeys=["Name"])
    assert docdb.list_tags_for_resource(ResourceName=arn)["TagList"] == [{"Key": "Tier", "Value": "data"}]


def test_aurora_is_as_it_was(clients: Clients) -> None:
    """The engine added does not change those that moto has."""
    rds = clients("rds")
    rds.create_db_cluster(
        DBClusterIdentifier="a", Engine="aurora-mysql", MasterUsername="u", MasterUserPassword="not-a-real-one"
    )
    assert rds.describe_db_clusters()["DBClusters"][0]["Port"] == 3306
