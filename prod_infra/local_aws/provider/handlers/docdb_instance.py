"""DocumentDB instances."""

from __future__ import annotations

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

_INSTANCE_SETTINGS = {
    "autoMinorVersionUpgrade": "AutoMinorVersionUpgrade",
    "caCertIdentifier": "CACertificateIdentifier",
    "copyTagsToSnapshot": "CopyTagsToSnapshot",
    "enablePerformanceInsights": "EnablePerformanceInsights",
    "instanceClass": "DBInstanceClass",
    "performanceInsightsKmsKeyId": "PerformanceInsightsKMSKeyId",
    "preferredMaintenanceWindow": "PreferredMaintenanceWindow",
    "promotionTier": "PromotionTier",
}
_INSTANCE_BIRTH = {
    "availabilityZone": "AvailabilityZone",
    "clusterIdentifier": "DBClusterIdentifier",
    "engine": "Engine",
    "identifier": "DBInstanceIdentifier",
}
_NO_INSTANCE = ("DBInstanceNotFound", "DBInstanceNotFoundFault")


class ClusterInstance(SlowHandler):
    """One instance of a cluster; the cluster decides which of them writes."""

    token = "aws:docdb/clusterInstance:ClusterInstance"
    noun = "instance"
    name_input = "identifier"
    status_key = "DBInstanceStatus"
    inputs = frozenset({*_INSTANCE_SETTINGS, *_INSTANCE_BIRTH, "applyImmediately", "tags"})
    replace_on = frozenset({"availabilityZone", "clusterIdentifier", "engine", "identifier"})
    defaults = {"autoMinorVersionUpgrade": True, "engine": "docdb", "promotionTier": 0}
    write_only = frozenset({"applyImmediately", "enablePerformanceInsights"})
    outputs = frozenset(
        {
            "arn",
            "availabilityZone",
            "caCertIdentifier",
            "dbSubnetGroupName",
            "dbiResourceId",
            "endpoint",
            "engineVersion",
            "kmsKeyId",
            "performanceInsightsKmsKeyId",
            "port",
            "preferredBackupWindow",
            "preferredMaintenanceWindow",
            "publiclyAccessible",
            "storageEncrypted",
            "tagsAll",
            "writer",
        }
    )
    auto_name = AutoName("identifier", max_length=63, lower=True)

    def ask_create(self, inputs: Props) -> None:
        """Create the instance."""
        names = {**_INSTANCE_BIRTH, **_INSTANCE_SETTINGS}
        self.clients("docdb").create_db_instance(
            **compact({name: inputs.get(key) for key, name in names.items()}),
            Tags=tag_list(inputs.get("tags")),
        )

    def held(self, identifier: str) -> Any | None:
        """Return what describe tells of the instance, or None if it is gone."""
        answer = found(
            lambda: self.clients("docdb").describe_db_instances(DBInstanceIdentifier=identifier), *_NO_INSTANCE
        )
        return answer and next(iter(answer["DBInstances"]), None)

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the instance, with `writer` as its cluster says now."""
        held = self.held(resource_id)
        if held is None:
            return None
        cluster = found(
            lambda: self.clients("docdb").describe_db_clusters(DBClusterIdentifier=held["DBClusterIdentifier"]),
            "DBClusterNotFoundFault",
        )
        members = cluster["DBClusters"][0].get("DBClusterMembers", ()) if cluster else ()
        endpoint = held.get("Endpoint") or {}
        return {
            "identifier": held["DBInstanceIdentifier"],
            "arn": held["DBInstanceArn"],
            "autoMinorVersionUpgrade": bool(held.get("AutoMinorVersionUpgrade")),
            "clusterIdentifier": held["DBClusterIdentifier"],
            "copyTagsToSnapshot": bool(held.get("CopyTagsToSnapshot")),
            "engine": held["Engine"],
            "engineVersion": held["EngineVersion"],
            "instanceClass": held["DBInstanceClass"],
            "publiclyAccessible": bool(held.get("PubliclyAccessible")),
            "storageEncrypted": bool(held.get("StorageEncrypted")),
            "writer": any(
                member["IsClusterWriter"] for member in members if member["DBInstanceIdentifier"] == resource_id
            ),
            **compact(
                {
                    "availabilityZone": held.get("AvailabilityZone"),
                    "caCertIdentifier": held.get("CACertificateIdentifier"),
                    "dbSubnetGroupName": (held.get("DBSubnetGroup") or {}).get("DBSubnetGroupName"),
                    "dbiResourceId": held.get("DbiResourceId"),
                    "endpoint": endpoint.get("Address"),
                    "kmsKeyId": held.get("KmsKeyId"),
                    "performanceInsightsKmsKeyId": held.get("PerformanceInsightsKMSKeyId"),
                    "port": endpoint.get("Port"),
                    "preferredBackupWindow": held.get("PreferredBackupWindow"),
                    "preferredMaintenanceWindow": held.get("PreferredMaintenanceWindow"),
                    "promotionTier": held.get("PromotionTier"),
                    **{key: state.get(key) for key in self.write_only},
                }
            ),
            **tag_state(self.tags_by_arn(held["DBInstanceArn"])),
        }

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Modify the instance, at once or in its maintenance window as `applyImmediately` says, and wait."""
        wanted = compact({name: new.get(key) for key, name in _INSTANCE_SETTINGS.items() if key in changed})
        if wanted:
            self.clients("docdb").modify_db_instance(
                DBInstanceIdentifier=resource_id, ApplyImmediately=bool(new.get("applyImmediately")), **wanted
            )
            self.wait(resource_id)
        if "tags" in changed:
            self.set_tags(old, new)

    def ask_delete(self, resource_id: str, state: Props) -> None:
        """Delete the instance."""
        del state
        with absent_is_fine(*_NO_INSTANCE):
            self.clients("docdb").delete_db_instance(DBInstanceIdentifier=resource_id)


HANDLERS: tuple[type[Handler], ...] = (ClusterInstance,)
