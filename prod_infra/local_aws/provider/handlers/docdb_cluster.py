"""DocumentDB clusters. The master password never reaches a message."""

from __future__ import annotations

import re
from typing import Any

from prod_infra.local_aws.provider.handler import AutoName, Handler
from prod_infra.local_aws.provider.handlers.common import (
    absent_is_fine,
    compact,
    found,
    tag_list,
    tag_state,
)
from prod_infra.local_aws.provider.handlers.docdb import SlowHandler
from prod_infra.properties import Props

# Input of a cluster -> its name in create_db_cluster, for those that create and modify take alike.
_CLUSTER_SETTINGS = {
    "backupRetentionPeriod": "BackupRetentionPeriod",
    "dbClusterParameterGroupName": "DBClusterParameterGroupName",
    "deletionProtection": "DeletionProtection",
    "engineVersion": "EngineVersion",
    "masterPassword": "MasterUserPassword",
    "port": "Port",
    "preferredBackupWindow": "PreferredBackupWindow",
    "preferredMaintenanceWindow": "PreferredMaintenanceWindow",
    "storageType": "StorageType",
    "vpcSecurityGroupIds": "VpcSecurityGroupIds",
}
_CLUSTER_BIRTH = {
    "availabilityZones": "AvailabilityZones",
    "clusterIdentifier": "DBClusterIdentifier",
    "dbSubnetGroupName": "DBSubnetGroupName",
    "enabledCloudwatchLogsExports": "EnableCloudwatchLogsExports",
    "engine": "Engine",
    "kmsKeyId": "KmsKeyId",
    "masterUsername": "MasterUsername",
    "storageEncrypted": "StorageEncrypted",
}
_NO_CLUSTER = "DBClusterNotFoundFault"


class Cluster(SlowHandler):
    """A cluster: storage, endpoints, backups and settings; its instances are resources of their own."""

    token = "aws:docdb/cluster:Cluster"
    noun = "cluster"
    name_input = "clusterIdentifier"
    status_key = "Status"
    inputs = frozenset(
        {
            *_CLUSTER_SETTINGS,
            *_CLUSTER_BIRTH,
            "allowMajorVersionUpgrade",
            "applyImmediately",
            "finalSnapshotIdentifier",
            "skipFinalSnapshot",
            "tags",
        }
    )
    replace_on = frozenset(
        {
            "availabilityZones",
            "clusterIdentifier",
            "dbSubnetGroupName",
            "engine",
            "kmsKeyId",
            "masterUsername",
            "port",
            "storageEncrypted",
        }
    )
    defaults = {"backupRetentionPeriod": 1, "engine": "docdb", "port": 27017, "skipFinalSnapshot": False}
    when_absent = {"storageType": "standard"}
    set_inputs = frozenset({"availabilityZones", "enabledCloudwatchLogsExports", "vpcSecurityGroupIds"})
    write_only = frozenset(
        {
            "allowMajorVersionUpgrade",
            "applyImmediately",
            "finalSnapshotIdentifier",
            "masterPassword",
            "skipFinalSnapshot",
        }
    )
    outputs = frozenset(
        {
            "arn",
            "availabilityZones",
            "clusterMembers",
            "clusterResourceId",
            "dbClusterParameterGroupName",
            "dbSubnetGroupName",
            "endpoint",
            "engineVersion",
            "hostedZoneId",
            "kmsKeyId",
            "masterUsername",
            "preferredBackupWindow",
            "preferredMaintenanceWindow",
            "readerEndpoint",
            "tagsAll",
            "vpcSecurityGroupIds",
        }
    )
    secret_outputs = frozenset({"masterPassword"})
    auto_name = AutoName("clusterIdentifier", max_length=63, lower=True)

    def faults(self, inputs: Props) -> dict[str, str]:
        """Refuse a cluster that could not be deleted, and windows that AWS would refuse."""
        wrong: dict[str, str] = {}
        # pulumi-aws asks for this only at the deletion, when it is too late to plan.
        if inputs.get("skipFinalSnapshot") is False and not inputs.get("finalSnapshotIdentifier"):
            wrong["finalSnapshotIdentifier"] = "is required while skipFinalSnapshot is false"
        identifier = inputs.get("clusterIdentifier")
        if isinstance(identifier, str) and identifier != identifier.lower():
            wrong["clusterIdentifier"] = f"must be in lower case, as AWS stores it: {identifier.lower()!r}"
        retention = inputs.get("backupRetentionPeriod")
        # https://docs.aws.amazon.com/documentdb/latest/developerguide/API_CreateDBCluster.html
        if isinstance(retention, int) and not 1 <= retention <= 35:  # noqa: PLR2004  AWS's bounds
            wrong["backupRetentionPeriod"] = f"must be from 1 to 35 days, not {retention}"
        windows = {
            "preferredBackupWindow": (r"\d\d:\d\d-\d\d:\d\d", "03:00-04:00"),
            "preferredMaintenanceWindow": (r"[a-z]{3}:\d\d:\d\d-[a-z]{3}:\d\d:\d\d", "sun:04:00-sun:05:00"),
        }
        for name, (shape, example) in windows.items():
            window = inputs.get(name)
            if isinstance(window, str) and not re.fullmatch(shape, window.lower()):
                wrong[name] = f"must be a UTC window such as {example}, not {window!r}"
        return wrong

    def ask_create(self, inputs: Props) -> None:
        """Create the cluster."""
        names = {**_CLUSTER_BIRTH, **_CLUSTER_SETTINGS}
        self.clients("docdb").create_db_cluster(
            **compact({name: inputs.get(key) for key, name in names.items()}),
            Tags=tag_list(inputs.get("tags")),
        )

    def held(self, identifier: str) -> Any | None:
        """Return what describe tells of the cluster, or None if it is gone."""
        answer = found(lambda: self.clients("docdb").describe_db_clusters(DBClusterIdentifier=identifier), _NO_CLUSTER)
        return answer and next(iter(answer["DBClusters"]), None)

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the cluster; what AWS never returns comes from the state."""
        held = self.held(resource_id)
        if held is None:
            return None
        return {
            "clusterIdentifier": held["DBClusterIdentifier"],
            "arn": held["DBClusterArn"],
            "availabilityZones": sorted(held.get("AvailabilityZones", ())),
            "backupRetentionPeriod": held["BackupRetentionPeriod"],
            "clusterMembers": sorted(member["DBInstanceIdentifier"] for member in held.get("DBClusterMembers", ())),
            "clusterResourceId": held["DbClusterResourceId"],
            "deletionProtection": bool(held.get("DeletionProtection")),
            "enabledCloudwatchLogsExports": held.get("EnabledCloudwatchLogsExports", []),
            "engine": held["Engine"],
            "engineVersion": held["EngineVersion"],
            "port": held["Port"],
            "storageEncrypted": bool(held.get("StorageEncrypted")),
            "storageType": "iopt1" if held.get("StorageType") == "iopt1" else "standard",
            "vpcSecurityGroupIds": sorted(group["VpcSecurityGroupId"] for group in held.get("VpcSecurityGroups", ())),
            **compact(
                {
                    "dbClusterParameterGroupName": held.get("DBClusterParameterGroup"),
                    "dbSubnetGroupName": held.get("DBSubnetGroup"),
                    "endpoint": held.get("Endpoint"),
                    "hostedZoneId": held.get("HostedZoneId"),
                    "kmsKeyId": held.get("KmsKeyId"),
                    "masterUsername": held.get("MasterUsername"),
                    "preferredBackupWindow": held.get("PreferredBackupWindow"),
                    "preferredMaintenanceWindow": held.get("PreferredMaintenanceWindow"),
                    "readerEndpoint": held.get("ReaderEndpoint"),
                    **{key: state.get(key) for key in self.write_only},
                }
            ),
            **tag_state(self.tags_by_arn(held["DBClusterArn"])),
        }

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Modify the cluster, at once or in its maintenance window as `applyImmediately` says, and wait."""
        wanted = compact({name: new.get(key) for key, name in _CLUSTER_SETTINGS.items() if key in changed})
        if "enabledCloudwatchLogsExports" in changed:
            before = set(old.get("enabledCloudwatchLogsExports") or ())
            after = set(new.get("enabledCloudwatchLogsExports") or ())
            wanted["CloudwatchLogsExportConfiguration"] = {
                "EnableLogTypes": sorted(after - before),
                "DisableLogTypes": sorted(before - after),
            }
        if "deletionProtection" in changed:
            wanted["DeletionProtection"] = bool(new.get("deletionProtection"))
        if wanted:
            self.clients("docdb").modify_db_cluster(
                DBClusterIdentifier=resource_id,
                ApplyImmediately=bool(new.get("applyImmediately")),
                AllowMajorVersionUpgrade=bool(new.get("allowMajorVersionUpgrade")),
                **wanted,
            )
            self.wait(resource_id)
        if "tags" in changed:
            self.set_tags(old, new)

    def ask_delete(self, resource_id: str, state: Props) -> None:
        """Delete the cluster with a final snapshot unless it is skipped; AWS refuses a protected one."""
        skip = bool(state.get("skipFinalSnapshot"))
        snapshot = compact({"FinalDBSnapshotIdentifier": None if skip else state.get("finalSnapshotIdentifier")})
        with absent_is_fine(_NO_CLUSTER):
            self.clients("docdb").delete_db_cluster(DBClusterIdentifier=resource_id, SkipFinalSnapshot=skip, **snapshot)


HANDLERS: tuple[type[Handler], ...] = (Cluster,)
