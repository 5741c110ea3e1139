"""Steps of `rotate_docdb_password`, but for those that try the passwords."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from runbooks.actions import docdb_password
from runbooks.actions.docdb_password import CURRENT, PENDING, holders
from runbooks.core.journal import decided
from runbooks.core.step import Call, Step, Undo

if TYPE_CHECKING:
    from runbooks.rotate_docdb_password import RotateDocdbPassword


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is rotated; decided when the run begins.

    Attributes:
        secret: ARN.
        former: version that was the current one.
        previous: version that had AWSPREVIOUS; empty if none had.
        database: identifier of the DocumentDB cluster.
        cluster: ARN of the ECS cluster.
        service: name of the ECS service.
        desired: how many tasks it is to have.
    """

    secret: str
    former: str
    previous: str
    database: str
    cluster: str
    service: str
    desired: int


@dataclass(frozen=True, kw_only=True)
class RotationStep(Step):
    """A step of the rotation.

    Attributes:
        run: the drill.
    """

    run: RotateDocdbPassword

    @property
    def facts(self) -> Facts:
        """What is rotated."""
        return self.run.facts

    @property
    def is_current(self) -> bool:
        """Whether the new version is the current one."""
        return holders(self.run.aws, self.facts.secret).get(CURRENT) == self.run.version


@dataclass(frozen=True, kw_only=True)
class PutVersion(RotationStep):
    """Put a new password into the secret, where nobody takes it for the current one yet."""

    name: ClassVar[str] = "put a new password as AWSPENDING"

    def already_done(self) -> bool:
        """Whether the version is there."""
        return self.run.version in holders(self.run.aws, self.facts.secret).values()

    def calls(self) -> Sequence[Call]:
        """One call; the password is made when it is made."""
        parameters = {
            "SecretId": self.facts.secret,
            "ClientRequestToken": self.run.version,
            "SecretString": "<the former members, and a new password>",
            "VersionStages": [PENDING],
        }
        return [Call(service="secretsmanager", operation="put_secret_value", parameters=parameters)]

    def undo(self) -> Undo:
        """Take its label off."""
        return Undo(action="rotate_docdb_password.forget", arguments={"secret": self.facts.secret})

    def act(self) -> None:
        """Put it."""
        docdb_password.put_new(self.run.aws, self.facts.secret, self.facts.former, self.run.version)


@dataclass(frozen=True, kw_only=True)
class GivePassword(RotationStep):
    """Give the cluster the new password."""

    @property
    def name(self) -> str:
        """To which cluster."""
        return f"give {self.facts.database} the new password"

    def already_done(self) -> bool:
        """Whether AWSCURRENT has moved, which comes after; the cluster itself does not tell, and takes it twice."""
        return self.is_current

    def calls(self) -> Sequence[Call]:
        """One call."""
        parameters = {
            "DBClusterIdentifier": self.facts.database,
            "MasterUserPassword": "<the new password>",
            "ApplyImmediately": True,
        }
        return [Call(service="docdb", operation="modify_db_cluster", parameters=parameters)]

    def undo(self) -> Undo:
        """Give it the former version's, read from the secret by then, and replace the tasks."""
        facts = self.facts
        return Undo(
            action="rotate_docdb_password.password_back",
            arguments={
                "secret": facts.secret,
                "version": facts.former,
                "database": facts.database,
                "cluster": facts.cluster,
                "service": facts.service,
                "desired": facts.desired,
            },
        )

    def act(self) -> None:
        """Give it, and wait until it counts.

        Raises:
            WaitTimeoutError: the cluster does not get available again.
        """
        facts, timeout = self.facts, self.run.parameters.settle_timeout
        docdb_password.give(
            self.run.aws, facts.database, facts.secret, self.run.version, wait_for=self.run.wait, timeout=timeout
        )


@dataclass(frozen=True, kw_only=True)
class Promote(RotationStep):
    """Make the new version the current one, which tasks get when they start."""

    name: ClassVar[str] = "move AWSCURRENT to the new password"

    def already_done(self) -> bool:
        """Whether it is, and no version is pending."""
        return self.is_current and PENDING not in holders(self.run.aws, self.facts.secret)

    def calls(self) -> Sequence[Call]:
        """Two calls, one a label; AWSPREVIOUS follows by itself."""
        move = {
            "SecretId": self.facts.secret,
            "VersionStage": CURRENT,
            "MoveToVersionId": self.run.version,
            "RemoveFromVersionId": self.facts.former,
        }
        drop = {"SecretId": self.facts.secret, "VersionStage": PENDING, "RemoveFromVersionId": self.run.version}
        return [
            Call(service="secretsmanager", operation="update_secret_version_stage", parameters=parameters)
            for parameters in (move, drop)
        ]

    def undo(self) -> Undo:
        """Move both labels back."""
        facts = self.facts
        return Undo(
            action="rotate_docdb_password.stages_back",
            arguments={"secret": facts.secret, "current": facts.former, "previous": facts.previous},
        )

    def act(self) -> None:
        """Move them."""
        docdb_password.promote(self.run.aws, self.facts.secret, self.run.version)


@dataclass(frozen=True, kw_only=True)
class ReplaceTasks(RotationStep):
    """Replace every task by one that has started with the new password."""

    @property
    def name(self) -> str:
        """Of which service."""
        return f"replace the tasks of {self.facts.service}"

    def already_done(self) -> bool:
        """Whether a former run listed them and none of them is left."""
        old = decided(self.run.journal.entries()).get("old_tasks")
        return old is not None and not {task["taskArn"] for task in self.run.tasks.present()} & set(old)

    def calls(self) -> Sequence[Call]:
        """One task more, each old one stopped, one task less."""
        facts = self.facts
        where = {"cluster": facts.cluster, "service": facts.service}
        stop = {"cluster": facts.cluster, "task": "<each task, one at a time>"}
        return [
            Call(service="ecs", operation="update_service", parameters={**where, "desiredCount": facts.desired + 1}),
            Call(service="ecs", operation="stop_task", parameters=stop),
            Call(service="ecs", operation="update_service", parameters={**where, "desiredCount": facts.desired}),
        ]

    def undo(self) -> Undo:
        """Take back the one more; the tasks themselves are replaced when the former password is back."""
        facts = self.facts
        arguments = {"cluster": facts.cluster, "service": facts.service, "desired": facts.desired}
        return Undo(action="rotate_docdb_password.count_back", arguments=arguments)

    def act(self) -> Mapping[str, Any]:
        """Replace them.

        Raises:
            WaitTimeoutError: ECS does not start healthy ones in time.
        """
        old = self.run.decide("old_tasks", lambda: [task["taskArn"] for task in self.run.tasks.present()])
        self.run.tasks.replace(old)
        return {"replaced": len(old)}
