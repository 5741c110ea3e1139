"""ECS clusters, and what all types of ECS share."""

from __future__ import annotations

from typing import Any

from prod_infra.local_aws.provider.handler import AutoName, Handler
from prod_infra.local_aws.provider.handlers.common import (
    absent_is_fine,
    compact,
    found,
    tag_changes,
    tag_list,
    tag_state,
    tags_of,
    wait_until,
)
from prod_infra.properties import Props

NO_CLUSTER = "ClusterNotFoundException"
MINUTE = 60.0
"""Seconds."""


def renamed(value: Any, old: str, new: str) -> Any:
    """Return a structure with one key renamed wherever it stands."""
    if isinstance(value, dict):
        return {new if key == old else key: renamed(item, old, new) for key, item in value.items()}
    return value


class EcsHandler(Handler):
    """What all types of ECS share: camelCase keys, and tags by ARN."""

    def set_tags(self, arn: str, old: Props, new: Props) -> None:
        """Bring the tags from the state's to the inputs'."""
        to_set, to_remove = tag_changes(old.get("tags"), new.get("tags"))
        if to_remove:
            self.clients("ecs").untag_resource(resourceArn=arn, tagKeys=to_remove)
        if to_set:
            self.clients("ecs").tag_resource(resourceArn=arn, tags=tag_list(to_set, "key", "value"))


class Cluster(EcsHandler):
    """A cluster: a name for services and tasks. Its ID is its ARN."""

    token = "aws:ecs/cluster:Cluster"
    inputs = frozenset({"configuration", "name", "serviceConnectDefaults", "settings", "tags"})
    nested_inputs = {
        "configuration": frozenset({"executeCommandConfiguration", "managedStorageConfiguration"}),
        "serviceConnectDefaults": frozenset({"namespace"}),
        "settings": frozenset({"name", "value"}),
    }
    replace_on = frozenset({"name"})
    set_inputs = frozenset({"settings"})
    outputs = frozenset({"arn", "settings", "tagsAll"})
    auto_name = AutoName(max_length=255)

    def _settings(self, inputs: Props) -> Props:
        keys = ("configuration", "serviceConnectDefaults", "settings")
        wanted = compact({key: inputs.get(key) or None for key in keys})
        if "configuration" in wanted:
            wanted["configuration"] = renamed(
                wanted["configuration"], "s3BucketEncryptionEnabled", "s3EncryptionEnabled"
            )
        return wanted

    def create(self, inputs: Props) -> str:
        """Create the cluster and wait until it is active."""
        answer = self.clients("ecs").create_cluster(
            clusterName=inputs["name"], tags=tag_list(inputs.get("tags"), "key", "value"), **self._settings(inputs)
        )
        arn = self.made(str(answer["cluster"]["clusterArn"]))
        wait_until(f"the cluster {arn} is active", lambda: self._cluster(arn) is not None, seconds=10 * MINUTE)
        return arn

    def _cluster(self, name: str) -> Any | None:
        answer = found(
            lambda: self.clients("ecs").describe_clusters(
                clusters=[name], include=["CONFIGURATIONS", "SETTINGS", "TAGS"]
            ),
            NO_CLUSTER,
        )
        held = next(iter(answer["clusters"]), None) if answer else None
        return held if held and held["status"] == "ACTIVE" else None

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the cluster; a deleted one lingers as inactive and counts as gone."""
        del state
        held = self._cluster(resource_id)
        if held is None:
            return None
        configuration = held.get("configuration")
        return {
            "name": held["clusterName"],
            "arn": held["clusterArn"],
            "settings": held.get("settings", []),
            **compact(
                {
                    "configuration": configuration
                    and renamed(configuration, "s3EncryptionEnabled", "s3BucketEncryptionEnabled"),
                    "serviceConnectDefaults": held.get("serviceConnectDefaults") or None,
                }
            ),
            **tag_state(tags_of(held.get("tags"), "key", "value")),
        }

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Set settings, configuration and tags."""
        if changed - {"tags"}:
            self.clients("ecs").update_cluster(cluster=resource_id, **self._settings(new))
        if "tags" in changed:
            self.set_tags(resource_id, old, new)

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the cluster; AWS refuses one with services or tasks in it."""
        del state
        with absent_is_fine(NO_CLUSTER):
            self.clients("ecs").delete_cluster(cluster=resource_id)
        wait_until(
            f"the cluster {resource_id} is gone", lambda: self._cluster(resource_id) is None, seconds=10 * MINUTE
        )

    def find(self, inputs: Props) -> str | None:
        """Return the ARN of the active cluster of that name."""
        held = self._cluster(inputs["name"])
        return held and str(held["clusterArn"])


HANDLERS: tuple[type[Handler], ...] = (Cluster,)
