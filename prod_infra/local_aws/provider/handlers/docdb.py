"""DocumentDB: subnet groups and parameter groups."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

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

HOUR = 3600.0
"""Seconds that a change of a cluster or an instance may take."""


class DocDBHandler(Handler):
    """What all types of DocumentDB share: tags by ARN."""

    def tags_by_arn(self, arn: str) -> dict[str, str]:
        """Return the tags of the resource with this ARN."""
        return tags_of(self.clients("docdb").list_tags_for_resource(ResourceName=arn)["TagList"])

    def set_tags(self, old: Props, new: Props) -> None:
        """Bring the tags from the state's to the inputs'."""
        docdb = self.clients("docdb")
        to_set, to_remove = tag_changes(old.get("tags"), new.get("tags"))
        if to_remove:
            docdb.remove_tags_from_resource(ResourceName=old["arn"], TagKeys=to_remove)
        if to_set:
            docdb.add_tags_to_resource(ResourceName=old["arn"], Tags=tag_list(to_set))


class SlowHandler(DocDBHandler):
    """What clusters and instances share: AWS makes, changes and deletes them by and by."""

    noun: ClassVar[str]
    """What it is, in messages."""

    name_input: ClassVar[str]
    """The input with the identifier."""

    status_key: ClassVar[str]
    """Where describe tells the status."""

    @abstractmethod
    def held(self, identifier: str) -> Any | None:
        """Return what describe tells, or None if it is gone."""

    @abstractmethod
    def ask_create(self, inputs: Props) -> None:
        """Ask AWS to create it."""

    @abstractmethod
    def ask_delete(self, resource_id: str, state: Props) -> None:
        """Ask AWS to delete it; one that is gone already is no error."""

    def create(self, inputs: Props) -> str:
        """Create it and wait until it is available."""
        self.ask_create(inputs)
        identifier = self.made(str(inputs[self.name_input]))
        self.complete(identifier, inputs)
        return identifier

    def complete(self, resource_id: str, inputs: Props) -> None:
        """Wait until it is available."""
        del inputs
        self.wait(resource_id)

    def wait(self, identifier: str) -> None:
        """Wait until it is available.

        botocore has no waiter for DocumentDB clusters, and the one for instances asks every 30 s, which a rehearsal
        with shortened clocks would sit out.
        """
        wait_until(
            f"the {self.noun} {identifier} is available",
            lambda: (self.held(identifier) or {}).get(self.status_key) == "available",
            seconds=HOUR,
        )

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete it and wait until it is gone; a deletion that an earlier run asked for is waited for."""
        if (self.held(resource_id) or {}).get(self.status_key) != "deleting":
            self.ask_delete(resource_id, state)
        wait_until(f"the {self.noun} {resource_id} is gone", lambda: self.held(resource_id) is None, seconds=HOUR)

    def find(self, inputs: Props) -> str | None:
        """Return the identifier once the one of that name is available."""
        identifier = str(inputs[self.name_input])
        if self.held(identifier) is None:
            return None
        self.wait(identifier)
        return identifier


class SubnetGroup(DocDBHandler):
    """The subnets in which a cluster's instances may live."""

    token = "aws:docdb/subnetGroup:SubnetGroup"
    inputs = frozenset({"description", "name", "subnetIds", "tags"})
    replace_on = frozenset({"name"})
    defaults = {"description": "Managed by Pulumi"}
    set_inputs = frozenset({"subnetIds"})
    outputs = frozenset({"arn", "supportedNetworkTypes", "tagsAll"})
    auto_name = AutoName(max_length=255, lower=True)

    def create(self, inputs: Props) -> str:
        """Create the group."""
        answer = self.clients("docdb").create_db_subnet_group(
            DBSubnetGroupName=inputs["name"],
            DBSubnetGroupDescription=inputs["description"],
            SubnetIds=inputs["subnetIds"],
            Tags=tag_list(inputs.get("tags")),
        )
        return self.made(str(answer["DBSubnetGroup"]["DBSubnetGroupName"]))

    def _group(self, name: str) -> Any | None:
        answer = found(
            lambda: self.clients("docdb").describe_db_subnet_groups(DBSubnetGroupName=name),
            "DBSubnetGroupNotFoundFault",
        )
        return answer and next(iter(answer["DBSubnetGroups"]), None)

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the group."""
        del state
        held = self._group(resource_id)
        return held and {
            "name": held["DBSubnetGroupName"],
            "description": held["DBSubnetGroupDescription"],
            "subnetIds": [subnet["SubnetIdentifier"] for subnet in held["Subnets"]],
            "arn": held["DBSubnetGroupArn"],
            "supportedNetworkTypes": held.get("SupportedNetworkTypes", ["IPV4"]),
            **tag_state(self.tags_by_arn(held["DBSubnetGroupArn"])),
        }

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Set description, subnets and tags."""
        if changed & {"description", "subnetIds"}:
            self.clients("docdb").modify_db_subnet_group(
                DBSubnetGroupName=resource_id,
                DBSubnetGroupDescription=new["description"],
                SubnetIds=new["subnetIds"],
            )
        if "tags" in changed:
            self.set_tags(old, new)

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the group and wait until it is gone."""
        del state
        with absent_is_fine("DBSubnetGroupNotFoundFault"):
            self.clients("docdb").delete_db_subnet_group(DBSubnetGroupName=resource_id)
        wait_until(f"the subnet group {resource_id} is gone", lambda: self._group(resource_id) is None, seconds=600)

    def find(self, inputs: Props) -> str | None:
        """Return the name if AWS holds the group."""
        held = self._group(inputs["name"])
        return held and str(held["DBSubnetGroupName"])


class ClusterParameterGroup(DocDBHandler):
    """Engine parameters of a cluster, such as `tls` and `audit_logs`."""

    token = "aws:docdb/clusterParameterGroup:ClusterParameterGroup"
    inputs = frozenset({"description", "family", "name", "parameters", "tags"})
    nested_inputs = {"parameters": frozenset({"applyMethod", "name", "value"})}
    replace_on = frozenset({"description", "family", "name"})
    defaults = {"description": "Managed by Pulumi"}
    set_inputs = frozenset({"parameters"})
    outputs = frozenset({"arn", "tagsAll"})
    auto_name = AutoName(max_length=255, lower=True)

    def create(self, inputs: Props) -> str:
        """Create the group and set its parameters."""
        answer = self.clients("docdb").create_db_cluster_parameter_group(
            DBClusterParameterGroupName=inputs["name"],
            DBParameterGroupFamily=inputs["family"],
            Description=inputs["description"],
            Tags=tag_list(inputs.get("tags")),
        )
        name = self.made(str(answer["DBClusterParameterGroup"]["DBClusterParameterGroupName"]))
        self._set(name, inputs.get("parameters") or [])
        return name

    def _set(self, name: str, parameters: list[Props]) -> None:
        # AWS takes 20 parameters a call.
        for start in range(0, len(parameters), 20):
            self.clients("docdb").modify_db_cluster_parameter_group(
                DBClusterParameterGroupName=name,
                Parameters=[
                    {
                        "ParameterName": parameter["name"],
                        "ParameterValue": parameter["value"],
                        "ApplyMethod": parameter.get("applyMethod") or "pending-reboot",
                    }
                    for parameter in parameters[start : start + 20]
                ],
            )

    def _group(self, name: str) -> Any | None:
        answer = found(
            lambda: self.clients("docdb").describe_db_cluster_parameter_groups(DBClusterParameterGroupName=name),
            "DBParameterGroupNotFound",
            "DBClusterParameterGroupNotFound",
        )
        return answer and next(iter(answer["DBClusterParameterGroups"]), None)

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the group with the parameters that differ from the engine's defaults."""
        held = self._group(resource_id)
        if held is None:
            return None
        pages = (
            self.clients("docdb")
            .get_paginator("describe_db_cluster_parameters")
            .paginate(DBClusterParameterGroupName=resource_id, Source="user")
        )
        methods = {parameter["name"]: parameter.get("applyMethod") for parameter in state.get("parameters") or ()}
        # AWS does not keep how a parameter was applied once it is.
        parameters = [
            compact(
                {
                    "name": parameter["ParameterName"],
                    "value": parameter["ParameterValue"],
                    "applyMethod": methods.get(parameter["ParameterName"]),
                }
            )
            for page in pages
            for parameter in page["Parameters"]
            if "ParameterValue" in parameter
        ]
        return {
            "name": resource_id,
            "family": held["DBParameterGroupFamily"],
            "description": held["Description"],
            "parameters": sorted(parameters, key=lambda parameter: str(parameter["name"])),
            "arn": held["DBClusterParameterGroupArn"],
            **tag_state(self.tags_by_arn(held["DBClusterParameterGroupArn"])),
        }

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Set what is new or differs, put back to the engine's default what is no longer asked for, and set tags."""
        if "parameters" in changed:
            wanted = new.get("parameters") or []
            names = {parameter["name"] for parameter in wanted}
            dropped = [
                {"ParameterName": parameter["name"], "ApplyMethod": "pending-reboot"}
                for parameter in old.get("parameters") or ()
                if parameter["name"] not in names
            ]
            self._set(
                resource_id, [parameter for parameter in wanted if parameter not in (old.get("parameters") or ())]
            )
            if dropped:
                self.clients("docdb").reset_db_cluster_parameter_group(
                    DBClusterParameterGroupName=resource_id, ResetAllParameters=False, Parameters=dropped
                )
        if "tags" in changed:
            self.set_tags(old, new)

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the group."""
        del state
        with absent_is_fine("DBParameterGroupNotFound", "DBClusterParameterGroupNotFound"):
            self.clients("docdb").delete_db_cluster_parameter_group(DBClusterParameterGroupName=resource_id)

    def find(self, inputs: Props) -> str | None:
        """Return the name if AWS holds the group."""
        return str(inputs["name"]) if self._group(inputs["name"]) else None


HANDLERS: tuple[type[Handler], ...] = (SubnetGroup, ClusterParameterGroup)
