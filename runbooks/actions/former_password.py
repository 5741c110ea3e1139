"""Looks whether the former password is refused: by a task that ECS gives it, so that nobody else sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from runbooks.actions.docdb_password import PREVIOUS
from runbooks.actions.one_off_task import OneOffTask, stop_tasks
from runbooks.core.aws import Aws
from runbooks.core.step import Call, Step, Undo

SUFFIX = "-former-password"
"""Of the task definitions' family, which is not the application's: no newest revision of that must come from here."""


def of_stage(value_from: str, stage: str) -> str:
    """Return a container's `valueFrom` with another staging label.

    It is `arn:aws:secretsmanager:region:account:secret:name:json-key:version-stage:version-id`, the last three
    optional (ECS guide, "Specifying sensitive data using Secrets Manager").
    """
    parts = [*value_from.split(":"), "", "", ""][:10]
    return ":".join([*parts[:8], stage, ""])


@dataclass(frozen=True, kw_only=True)
class TryFormerPassword(Step):
    """Log in with the password of AWSPREVIOUS, in a task of a definition that is there for this alone.

    Attributes:
        task: the login, with the definition that is live.
        secret: ARN.
    """

    task: OneOffTask
    secret: str

    @property
    def name(self) -> str:
        """The task's."""
        return self.task.name

    @property
    def family(self) -> str:
        """Of the definition that is made for it."""
        return self.task.definition.rpartition("/")[2].partition(":")[0] + SUFFIX

    def _definition(self) -> dict[str, Any]:
        ecs = self.task.run.aws("ecs")
        known = ecs.describe_task_definition(taskDefinition=self.task.definition)["taskDefinition"]
        members = ecs.meta.service_model.operation_model("RegisterTaskDefinition").input_shape.members
        containers = [
            {
                **container,
                "secrets": [
                    {**given, "valueFrom": of_stage(given["valueFrom"], PREVIOUS)}
                    if given["valueFrom"].startswith(self.secret)
                    else given
                    for given in container.get("secrets", ())
                ],
            }
            for container in known["containerDefinitions"]
        ]
        wanted = {name: known[name] for name in members if name in known}
        return {**wanted, "family": self.family, "containerDefinitions": containers}

    def already_done(self) -> bool:
        """Never: what it sees counts now."""
        return False

    def calls(self) -> Sequence[Call]:
        """The definition made, the task, the definition dropped."""
        return [
            Call(service="ecs", operation="register_task_definition", parameters=self._definition()),
            *replace(self.task, definition=self.family).calls(),
            Call(
                service="ecs",
                operation="deregister_task_definition",
                parameters={"taskDefinition": f"{self.family}:<revision>"},
            ),
        ]

    def undo(self) -> Undo:
        """Stop the task and drop the definition, should they be there."""
        return Undo(
            action="rotate_docdb_password.forget_definition",
            arguments={"family": self.family, "cluster": self.task.cluster, "started_by": self.task.run.name},
        )

    def act(self) -> Mapping[str, Any]:
        """Try it.

        Raises:
            RunbookError: AWS has no place for the task.
            WaitTimeoutError: it does not end in time.
        """
        self.task.run.aws("ecs").register_task_definition(**self._definition())
        try:
            return replace(self.task, definition=self.family).act()
        finally:
            _deregister(self.task.run.aws, self.family)


def _deregister(aws: Aws, family: str) -> int:
    ecs = aws("ecs")
    pages = ecs.get_paginator("list_task_definitions").paginate(familyPrefix=family, status="ACTIVE")
    found = [arn for page in pages for arn in page["taskDefinitionArns"]]
    for arn in found:
        ecs.deregister_task_definition(taskDefinition=arn)
    return len(found)


def forget_definition(aws: Aws, *, family: str, cluster: str, started_by: str) -> str:
    """Stop the task that tries the former password, and drop its definition."""
    stopped = stop_tasks(aws, cluster=cluster, started_by=started_by)
    return f"{stopped}; {_deregister(aws, family)} definitions deregistered"
