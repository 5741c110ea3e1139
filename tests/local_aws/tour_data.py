"""Stops of the tour where data is kept: databases and secrets."""

from __future__ import annotations

from prod_infra.local_aws.clients import Clients
from tests.local_aws.docdb_environment import add_instance, cluster, eventually, seen, settled


def docdb(clients: Clients) -> None:  # noqa: PLR0915  one call after the other
    """A cluster's life: made, failed over, restored, stopped, deleted; parameters, snapshots, events, catalogue."""
    client = clients("docdb")
    for ask in ("db_engine_versions", "certificates", "pending_maintenance_actions", "event_categories"):
        getattr(client, f"describe_{ask}")()
    client.describe_orderable_db_instance_options(Engine="docdb")
    group = {"DBClusterParameterGroupName": "own"}
    client.create_db_cluster_parameter_group(**group, DBParameterGroupFamily="docdb5.0", Description="x")
    tls = [{"ParameterName": "tls", "ParameterValue": "tls1.2+", "ApplyMethod": "pending-reboot"}]
    client.modify_db_cluster_parameter_group(**group, Parameters=tls)
    client.describe_db_cluster_parameters(**group)
    client.reset_db_cluster_parameter_group(**group, ResetAllParameters=True)
    client.describe_db_cluster_parameter_groups()
    cluster(clients, "a", "b", StorageEncrypted=True, EnableCloudwatchLogsExports=["audit"])
    prod = {"DBClusterIdentifier": "prod"}
    arn = settled(clients)["DBClusterArn"]
    client.list_tags_for_resource(ResourceName=arn)
    client.modify_db_cluster(**prod, BackupRetentionPeriod=7, ApplyImmediately=True)
    client.modify_db_instance(DBInstanceIdentifier="prod-b", PromotionTier=2, ApplyImmediately=True)
    subnets = [each["SubnetIdentifier"] for each in seen(client.describe_db_subnet_groups)[0]["Subnets"]]
    client.modify_db_subnet_group(DBSubnetGroupName="prod", SubnetIds=subnets)
    settled(clients)
    client.failover_db_cluster(**prod, TargetDBInstanceIdentifier="prod-b")
    client.describe_db_clusters(**prod)
    settled(clients)
    client.reboot_db_instance(DBInstanceIdentifier="prod-a")
    settled(clients)
    client.describe_events(SourceType="db-cluster", SourceIdentifier="prod")
    client.describe_events(SourceType="db-instance")
    snapshot = {"DBClusterSnapshotIdentifier": "kept"}
    client.create_db_cluster_snapshot(**prod, **snapshot)
    eventually(lambda: seen(client.describe_db_cluster_snapshots, **snapshot)[0]["Status"] == "available")
    client.copy_db_cluster_snapshot(
        SourceDBClusterSnapshotIdentifier="kept", TargetDBClusterSnapshotIdentifier="copied"
    )
    source = {"SnapshotIdentifier": "kept", "Engine": "docdb", "DBSubnetGroupName": "prod"}
    client.restore_db_cluster_from_snapshot(**source, DBClusterIdentifier="from-snapshot")
    eventually(lambda: "LatestRestorableTime" in settled(clients))
    client.restore_db_cluster_to_point_in_time(
        DBClusterIdentifier="restored",
        SourceDBClusterIdentifier="prod",
        UseLatestRestorableTime=True,
        DBSubnetGroupName="prod",
    )
    settled(clients, "restored")
    client.delete_db_cluster(DBClusterIdentifier="restored", SkipFinalSnapshot=True)
    settled(clients, "from-snapshot")
    client.delete_db_cluster(DBClusterIdentifier="from-snapshot", SkipFinalSnapshot=True)
    eventually(lambda: seen(client.describe_db_cluster_snapshots, DBClusterSnapshotIdentifier="copied") != [])
    client.delete_db_cluster_snapshot(**snapshot)
    add_instance(clients, "a2")
    settled(clients)
    client.delete_db_instance(DBInstanceIdentifier="prod-a2")
    client.describe_db_instances()
    client.stop_db_cluster(**prod)
    eventually(lambda: seen(client.describe_db_clusters, **prod)[0]["Status"] == "stopped")
    client.start_db_cluster(**prod)
    settled(clients)
    client.delete_db_cluster_parameter_group(**group)
    client.create_db_subnet_group(DBSubnetGroupName="spare", DBSubnetGroupDescription="x", SubnetIds=subnets)
    client.delete_db_subnet_group(DBSubnetGroupName="spare")


def secrets(clients: Clients) -> None:
    """A secret's versions, labels, rotation and end."""
    client = clients("secretsmanager")
    of = {"SecretId": client.create_secret(Name="prod/docdb", SecretString="one", Description="x")["ARN"]}
    client.put_secret_value(**of, SecretString="two", VersionStages=["AWSPENDING"])
    versions = client.list_secret_version_ids(**of, IncludeDeprecated=True)["Versions"]
    stages = {stage: each["VersionId"] for each in versions for stage in each["VersionStages"]}
    client.update_secret_version_stage(
        **of,
        VersionStage="AWSCURRENT",
        MoveToVersionId=stages["AWSPENDING"],
        RemoveFromVersionId=stages["AWSCURRENT"],
    )
    client.describe_secret(**of)
    client.get_secret_value(**of)
    client.list_secrets()
    client.delete_secret(**of, RecoveryWindowInDays=7)
    client.describe_secret(**of)
