"""One-off tasks: the application's own image, inside the VPC, with a command that looks at something from there."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from prod_infra.errors import RunbookError, WaitTimeoutError
from runbooks.core.aws import Aws
from runbooks.core.run import Run
from runbooks.core.step import Call, Step, Undo
from runbooks.verify import Deployed

LOG_SECONDS: Final = 30.0
"""For which the last lines of a task that has ended may take to get to CloudWatch Logs."""


def live(service: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a service runs now: its primary task set, or itself where CodeDeploy does not deploy it.

    Both have `taskDefinition`, `networkConfiguration` and `loadBalancers`
    (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskSet.html).
    """
    sets = service.get("taskSets") or ()
    primary: Mapping[str, Any] = next((found for found in sets if found["status"] == "PRIMARY"), {})
    return {**service, **{name: value for name, value in primary.items() if value}}


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A task that has ended.

    Attributes:
        exit_code: of the container; None where it never ran.
        az: where it ran.
        lines: what it printed.
        why: AWS's `stoppedReason`.
    """

    exit_code: int | None
    az: str
    lines: Sequence[str]
    why: str

    def __str__(self) -> str:
        return f"exit code {self.exit_code} in {self.az}: {self.lines[-1] if self.lines else self.why}"


@dataclass(frozen=True, kw_only=True)
class OneOffTask(Step):
    """Run a command in a task of the application's own, wait for its end, and keep what it printed.

    Attributes:
        run: the drill; its waits end by time and by alarm.
        title: what for, such as `look at the way out of eu-central-1a`.
        command: words as in a shell.
        keep: gets what came of it.
        cluster: of the task.
        definition: ARN, or family for its newest revision.
        container: whose command it is.
        log: the container's awslogs options.
        network: ECS's `awsvpcConfiguration`.
        variables: returns environment variables that differ from the definition's; asked for the plan, and to act.
        prints: it ends with a line that has to be waited for.
        timeout: seconds until the task has to have ended.
    """

    run: Run[Any]
    title: str
    command: str
    keep: Callable[[Ended], None] = field(compare=False)
    cluster: str
    definition: str
    container: str
    log: Mapping[str, str]
    network: Mapping[str, Any]
    variables: Callable[[], Mapping[str, str]] = field(default=dict, compare=False)
    prints: bool = False
    timeout: float = 600.0

    @property
    def name(self) -> str:
        """What for."""
        return self.title

    def already_done(self) -> bool:
        """Never: what it sees counts now."""
        return False

    def calls(self) -> Sequence[Call]:
        """One call."""
        overrides: dict[str, Any] = {"name": self.container, "command": shlex.split(self.command)}
        if variables := self.variables():
            overrides["environment"] = [{"name": name, "value": text} for name, text in variables.items()]
        return [
            Call(
                service="ecs",
                operation="run_task",
                parameters={
                    "cluster": self.cluster,
                    "taskDefinition": self.definition,
                    "launchType": "FARGATE",
                    "networkConfiguration": {"awsvpcConfiguration": dict(self.network)},
                    "overrides": {"containerOverrides": [overrides]},
                    "startedBy": self.run.name,
                },
            )
        ]

    def undo(self) -> Undo:
        """Stop it, should it still run."""
        return Undo(
            action=f"{self.run.name}.stop_tasks", arguments={"cluster": self.cluster, "started_by": self.run.name}
        )

    def act(self) -> Mapping[str, Any]:
        """Run it to its end.

        Raises:
            RunbookError: AWS has no place for it.
            WaitTimeoutError: it does not end in time.
        """
        ecs = self.run.aws("ecs")
        answer = ecs.run_task(**self.calls()[0].parameters)
        if not answer["tasks"]:
            reasons = "; ".join(failure.get("reason", "") for failure in answer["failures"])
            raise RunbookError(f"ECS does not run the task: {reasons}.", hint="the service's events may say why")
        arn = answer["tasks"][0]["taskArn"]

        def ended() -> dict[str, Any] | None:
            task: dict[str, Any] = ecs.describe_tasks(cluster=self.cluster, tasks=[arn])["tasks"][0]
            return task if task["lastStatus"] == "STOPPED" else None

        task = self.run.wait(f"task {arn.rpartition('/')[2]} to end", ended, timeout=self.timeout)
        container = next(found for found in task["containers"] if found["name"] == self.container)
        found = Ended(
            exit_code=container.get("exitCode"),
            az=task.get("availabilityZone", ""),
            lines=self._lines(arn) if self.prints and container.get("exitCode") is not None else (),
            why=task.get("stoppedReason", ""),
        )
        self.keep(found)
        return {"task": arn, "exit_code": found.exit_code, "az": found.az, "printed": list(found.lines)[-1:]}

    def _lines(self, arn: str) -> Sequence[str]:
        """Return what the task printed; nothing where it printed nothing, or logs elsewhere."""
        logs = self.run.aws("logs", self.log.get("awslogs-region"))
        if "awslogs-stream-prefix" not in self.log:
            return ()
        # The awslogs driver's name of a stream on Fargate (ECS guide, "Using the awslogs log driver").
        stream = f"{self.log['awslogs-stream-prefix']}/{self.container}/{arn.rpartition('/')[2]}"

        def printed() -> list[str] | None:
            try:
                found = logs.get_log_events(
                    logGroupName=self.log["awslogs-group"], logStreamName=stream, startFromHead=True
                )
            except logs.exceptions.ResourceNotFoundException:
                return None
            return [event["message"] for event in found["events"]]

        try:
            return self.run.wait("the task's output", printed, timeout=LOG_SECONDS)
        except WaitTimeoutError:
            return ()


def one_off_task(
    run: Run[Any],
    env: Deployed,
    *,
    title: str,
    command: str,
    keep: Callable[[Ended], None],
    subnets: Sequence[str] = (),
    variables: Callable[[], Mapping[str, str]] = dict,
    definition: str = "",
    prints: bool = False,
) -> OneOffTask:
    """Return the step that runs a command as the service's tasks run: its image, roles, secrets and security groups.

    Args:
        run: the drill, whose `UNDO` has `stop_tasks`.
        env: the environment.
        title: what for.
        command: words as in a shell.
        keep: gets what came of it.
        subnets: where; the service's own if left out.
        variables: returns environment variables that differ.
        definition: another task definition than the one that is live, with the same container.
        prints: the command ends with a line that is needed.
    """
    serving = live(env.service)
    known = env.clients("ecs").describe_task_definition(taskDefinition=serving["taskDefinition"])["taskDefinition"]
    name = serving["loadBalancers"][0]["containerName"]
    container = next(found for found in known["containerDefinitions"] if found["name"] == name)
    network = serving["networkConfiguration"]["awsvpcConfiguration"]
    return OneOffTask(
        run=run,
        title=title,
        command=command,
        keep=keep,
        cluster=env.service["clusterArn"],
        definition=definition or serving["taskDefinition"],
        container=name,
        log=container.get("logConfiguration", {}).get("options", {}),
        network={**network, "subnets": list(subnets) or network["subnets"]},
        variables=variables,
        prints=prints,
    )


def stop_tasks(aws: Aws, *, cluster: str, started_by: str) -> str:
    """Stop what a drill's one-off tasks left running; the environment's lock lets only one run of a kind at work."""
    ecs = aws("ecs")
    pages = ecs.get_paginator("list_tasks").paginate(cluster=cluster, startedBy=started_by)
    running = [arn for page in pages for arn in page["taskArns"]]
    for arn in running:
        ecs.stop_task(cluster=cluster, task=arn, reason=f"the end of {started_by}")
    return f"{len(running)} tasks stopped" if running else "no task was left running"
