"""Steps of `docdb_restore`: a cluster made from another's backup, with what a restore to a point in time leaves out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from runbooks.actions.docdb_restored import MADE_BY, find_cluster, find_instance, made_by
from runbooks.core.aws import Aws
from runbooks.core.step import Call, Step, Undo

if TYPE_CHECKING:
    from runbooks.docdb_restore import DocdbRestore


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is restored into what; decided when the run begins.

    Attributes:
        source: identifier of the cluster that is restored.
        target: identifier of the cluster that is made.
        subnet_group: the source's.
        security_groups: IDs, the source's.
        kms_key: ARN, the source's; empty for one that is not encrypted.
        parameter_group: the source's.
        port: the source's.
        logs: that the source exports.
        instance_class: of the source's writer.
        instances: identifiers to be made.
        restore_to: time, ISO 8601; empty for the latest one.
        new_log_groups: those that the new cluster would make, and that are not there yet.
    """

    source: str
    target: str
    subnet_group: str
    security_groups: Sequence[str]
    kms_key: str
    parameter_group: str
    port: int
    logs: Sequence[str]
    instance_class: str
    instances: Sequence[str]
    restore_to: str
    new_log_groups: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class MakingStep(Step):
    """A step that adds to the new cluster.

    Attributes:
        run: the drill.
    """

    run: DocdbRestore

    @property
    def aws(self) -> Aws:
        """The target."""
        return self.run.aws

    @property
    def tags(self) -> list[dict[str, str]]:
        """Of what the run makes."""
        return [{"Key": MADE_BY, "Value": self.run.owner}, {"Key": "Runbook", "Value": "docdb_restore"}]

    def found(self) -> dict[str, Any]:
        """Return the new cluster; empty where it is not there."""
        return find_cluster(self.aws, self.run.facts.target) or {}

    def settle(self) -> None:
        """Wait until the new cluster is available: what changes refuses every other change."""
        self.run.wait(
            f"{self.run.facts.target} to be available",
            lambda: self.found().get("Status") == "available",
            timeout=self.run.parameters.settle_timeout,
        )


@dataclass(frozen=True, kw_only=True)
class RestoreCluster(MakingStep):
    """Restore the cluster to a point in time, as a new one."""

    @property
    def name(self) -> str:
        """From what, as what."""
        return f"restore {self.run.facts.source} as {self.run.facts.target}"

    def already_done(self) -> bool:
        """Whether this run's cluster is there; the next step waits until it is available."""
        found = self.found()
        return bool(found) and made_by(self.aws, found["DBClusterArn"]) == self.run.owner

    def calls(self) -> Sequence[Call]:
        """One call; it can't give a parameter group, and makes no instance."""
        facts = self.run.facts
        moment = {"RestoreToTime": facts.restore_to} if facts.restore_to else {"UseLatestRestorableTime": True}
        return [
            Call(
                service="docdb",
                operation="restore_db_cluster_to_point_in_time",
                parameters={
                    "DBClusterIdentifier": facts.target,
                    "SourceDBClusterIdentifier": facts.source,
                    **moment,
                    "Port": facts.port,
                    "DBSubnetGroupName": facts.subnet_group,
                    "VpcSecurityGroupIds": list(facts.security_groups),
                    **({"KmsKeyId": facts.kms_key} if facts.kms_key else {}),
                    "EnableCloudwatchLogsExports": list(facts.logs),
                    "DeletionProtection": False,
                    "Tags": self.tags,
                },
            )
        ]

    def undo(self) -> Undo:
        """Delete all that is made for this run, instances first."""
        facts = self.run.facts
        arguments = {"cluster": facts.target, "run": self.run.owner, "log_groups": list(facts.new_log_groups)}
        return Undo(action="docdb_restore.tear_down", arguments=arguments)

    def act(self) -> Mapping[str, Any]:
        """Restore, and wait until the cluster is available.

        Raises:
            WaitTimeoutError: it does not get available.
        """
        self.run.restoring()
        self.aws("docdb").restore_db_cluster_to_point_in_time(**self.calls()[0].parameters)
        self.settle()
        return {"endpoint": self.found()["Endpoint"]}


@dataclass(frozen=True, kw_only=True)
class UseParameterGroup(MakingStep):
    """Give the new cluster its source's parameter group, before there are instances that would need a reboot for it."""

    no_undo: ClassVar[str] = "it goes with the cluster"

    @property
    def name(self) -> str:
        """Which group."""
        return f"use {self.run.facts.parameter_group}"

    def already_done(self) -> bool:
        """Whether the cluster has it."""
        return self.found().get("DBClusterParameterGroup") == self.run.facts.parameter_group

    def calls(self) -> Sequence[Call]:
        """One call."""
        parameters = {
            "DBClusterIdentifier": self.run.facts.target,
            "DBClusterParameterGroupName": self.run.facts.parameter_group,
            "ApplyImmediately": True,
        }
        return [Call(service="docdb", operation="modify_db_cluster", parameters=parameters)]

    def act(self) -> None:
        """Modify, and wait until the cluster is available again.

        Raises:
            WaitTimeoutError: it does not get available.
        """
        self.settle()
        self.aws("docdb").modify_db_cluster(**self.calls()[0].parameters)
        self.run.wait(
            "the parameter group to be the source's", self.already_done, timeout=self.run.parameters.settle_timeout
        )
        self.settle()


@dataclass(frozen=True, kw_only=True)
class CreateInstance(MakingStep):
    """Make an instance of the new cluster.

    Attributes:
        instance: its identifier.
    """

    no_undo: ClassVar[str] = "it goes with the cluster"

    instance: str

    @property
    def name(self) -> str:
        """Which one."""
        return f"create {self.instance}"

    def already_done(self) -> bool:
        """Whether it is available."""
        return (find_instance(self.aws, self.instance) or {}).get("DBInstanceStatus") == "available"

    def calls(self) -> Sequence[Call]:
        """One call."""
        parameters = {
            "DBInstanceIdentifier": self.instance,
            "DBInstanceClass": self.run.facts.instance_class,
            "Engine": "docdb",
            "DBClusterIdentifier": self.run.facts.target,
            "Tags": self.tags,
        }
        return [Call(service="docdb", operation="create_db_instance", parameters=parameters)]

    def act(self) -> None:
        """Make it unless a former run did, and wait until it is available.

        Raises:
            WaitTimeoutError: it does not get available.
        """
        self.settle()
        if find_instance(self.aws, self.instance) is None:
            self.aws("docdb").create_db_instance(**self.calls()[0].parameters)
        self.run.wait(f"{self.instance} to be available", self.already_done, timeout=self.run.parameters.settle_timeout)
