"""A deployed environment to release to, asked from outside by boto3."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from prod_infra.deployment.targets import LocalTarget
from prod_infra.local_aws.clients import Clients
from runbooks.records.record import Record, Verdict
from runbooks.running import runner

GROUP = {"applicationName": "prod-app", "deploymentGroupName": "prod-app-blue-green"}
SERVICE = {"cluster": "prod-cluster", "services": ["prod-app"]}
WAIT_SECONDS = 150.0
COMMAND = "import sys; from prod_infra.cli import main; main(['runbook', *sys.argv[1:]])"


def image(letter: str) -> str:
    """Return an image by digest."""
    return f"registry.example.com/app@sha256:{letter * 64}"


def until(true: Callable[[], Any], what: str) -> Any:
    """Wait, bounded, until something is true, and return it."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := true()):
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.02)
    return found


@dataclass
class Stage:
    """A working directory with a kept local AWS, and the environment in it."""

    directory: Path
    target: LocalTarget
    clients: Clients

    def run(self, name: str, **parameters: Any) -> tuple[Record, str]:
        """Run a runbook in this process; return its record and what the terminal showed."""
        shown = io.StringIO()
        record = runner.run(name, parameters, console=Console(file=shown, width=200))
        return record, shown.getvalue()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the command in a process of its own, which a test may kill."""
        return subprocess.Popen(
            [sys.executable, "-c", COMMAND, *arguments],
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ,
        )

    @property
    def task_sets(self) -> list[dict[str, Any]]:
        """The service's task sets."""
        found: list[dict[str, Any]] = self.clients("ecs").describe_services(**SERVICE)["services"][0]["taskSets"]
        return found

    @property
    def live(self) -> str:
        """`family:revision` of the primary task set."""
        [primary] = [one["taskDefinition"] for one in self.task_sets if one["status"] == "PRIMARY"]
        return str(primary).rpartition("/")[2]

    def definition(self, revision: str) -> dict[str, Any]:
        """Return a task definition."""
        found: dict[str, Any] = self.clients("ecs").describe_task_definition(taskDefinition=revision)["taskDefinition"]
        return found

    @property
    def revisions(self) -> list[str]:
        """Active revisions, the oldest first."""
        arns = self.clients("ecs").list_task_definitions(status="ACTIVE")["taskDefinitionArns"]
        return [arn.rpartition("/")[2] for arn in arns]

    @property
    def next_revision(self) -> str:
        """What the next registered task definition will be named."""
        ecs = self.clients("ecs")
        arns = [
            arn
            for status in ("ACTIVE", "INACTIVE")
            for arn in ecs.list_task_definitions(status=status)["taskDefinitionArns"]
        ]
        return f"prod-app:{max(int(arn.rpartition(':')[2]) for arn in arns) + 1}"

    @property
    def weights(self) -> dict[str, int]:
        """What share each revision has of the customers' traffic, by the listener's rule; those with none left out."""
        elbv2 = self.clients("elbv2")
        group = self.clients("codedeploy").get_deployment_group(**GROUP)["deploymentGroupInfo"]
        [listener] = group["loadBalancerInfo"]["targetGroupPairInfoList"][0]["prodTrafficRoute"]["listenerArns"]
        rules = elbv2.describe_rules(ListenerArn=listener)["Rules"]
        [action] = [action for rule in rules for action in rule["Actions"] if action["Type"] == "forward"]
        groups = action.get("ForwardConfig", {}).get("TargetGroups") or [{"TargetGroupArn": action["TargetGroupArn"]}]
        by_group = {
            one["loadBalancers"][0]["targetGroupArn"]: one["taskDefinition"].rpartition("/")[2]
            for one in self.task_sets
        }
        shares = {by_group.get(one["TargetGroupArn"], "?"): one.get("Weight", 1) for one in groups}
        return {name: weight for name, weight in shares.items() if weight}

    def deployments(self, *statuses: str) -> list[str]:
        """IDs of the deployments in some states, or all."""
        wanted = {"includeOnlyStatuses": list(statuses)} if statuses else {}
        found: list[str] = self.clients("codedeploy").list_deployments(**GROUP, **wanted)["deployments"]
        return found

    def wait_for_the_shift(self, process: subprocess.Popen[str]) -> None:
        """Wait until two revisions have traffic; a run that ends before says why."""

        def shifts() -> bool:
            if process.poll() is not None and process.stdout is not None:
                raise AssertionError(process.stdout.read())
            return len(self.weights) > 1

        until(shifts, "traffic shifts")

    @contextmanager
    def fault(self, **members: Any) -> Iterator[None]:
        """Inject a fault for a while."""
        made = self.target.server.admin("POST", "/faults", **members)
        try:
            yield
        finally:
            self.target.server.admin("DELETE", "/faults", id=made["id"])

    @contextmanager
    def firing(self) -> Iterator[str]:
        """Let one of the deployment group's alarms fire for a while."""
        cloudwatch = self.clients("cloudwatch")
        group = self.clients("codedeploy").get_deployment_group(**GROUP)["deploymentGroupInfo"]
        name: str = group["alarmConfiguration"]["alarms"][0]["name"]
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test")
        try:
            yield name
        finally:
            cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="a test")

    def settle(self) -> None:
        """Wait until no deployment moves traffic, and end the wait of one that keeps the old tasks."""
        code_deploy = self.clients("codedeploy")

        def idle() -> bool:
            for name in self.deployments("InProgress", "Ready"):
                try:
                    code_deploy.continue_deployment(deploymentId=name, deploymentWaitType="TERMINATION_WAIT")
                except (
                    code_deploy.exceptions.DeploymentIsNotInReadyStateException,
                    code_deploy.exceptions.DeploymentAlreadyCompletedException,
                ):
                    continue
            return not self.deployments("Created", "Queued", "InProgress", "Ready")

        until(idle, "no deployment is under way")

    def undo(self, run_id: str) -> tuple[list[bool], str]:
        """Take a run back; return whether each undo was done, and what was said."""
        said = io.StringIO()
        found = runner.undo(run_id, console=Console(file=said, width=200))
        return [one.done for one in found], said.getvalue()

    @property
    def newest_run(self) -> str:
        """ID of the run that began last."""
        return max(path.name for path in (self.directory / "records").iterdir() if path.is_dir())


@contextmanager
def deployed_stage(directory: Path) -> Iterator[Stage]:
    """Deploy the environment to a local AWS of its own, and work in a directory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        try:
            record = runner.run("deploy_prod", {}, keep=True, console=Console(file=io.StringIO()))
            assert record.verdict is Verdict.SUCCEEDED, record.error
            target = LocalTarget.kept(directory)
            assert target is not None
            yield Stage(directory, target, target.clients())
        finally:
            if (kept := LocalTarget.kept(directory)) is not None:
                kept.server.stop()
