"""Tasks of a service replaced one at a time by tasks of the same revision, with one more than wanted meanwhile.

ECS refuses `forceNewDeployment` for a service that CodeDeploy deploys. A CodeDeploy deployment of the same revision
would do, too, but it takes the bake time of a release, can't run beside one, and ends with the old tasks, which can't
log in any more, kept for a roll back. Stopping tasks works for every kind of service, and a kill in the middle leaves a
service that ECS mends by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Any, Protocol

from runbooks.actions.one_off_task import live
from runbooks.core.aws import Aws


class Wait(Protocol):
    """`Run.wait`, or `runbooks.core.waiting.wait` with a poll bound to it."""

    def __call__(self, what: str, until: Callable[[], Any], *, timeout: float) -> Any:
        """Ask until the answer is there."""


class ServiceTasks:
    """The tasks of a service.

    Args:
        aws: the target.
        cluster: ARN.
        service: name.
        wait: how to wait.
        timeout: seconds that each task may take.
    """

    def __init__(self, aws: Aws, cluster: str, service: str, wait: Wait, timeout: float) -> None:
        self._ecs, self._elbv2 = aws("ecs"), aws("elbv2")
        self._cluster, self._service = cluster, service
        self._wait, self._timeout = wait, timeout

    def _describe(self) -> Mapping[str, Any]:
        found = self._ecs.describe_services(cluster=self._cluster, services=[self._service])["services"][0]
        return dict(found)

    @property
    def wanted(self) -> int:
        """How many there should be."""
        return int(self._describe()["desiredCount"])

    def present(self) -> list[dict[str, Any]]:
        """Return the tasks that are not being stopped."""
        pages = self._ecs.get_paginator("list_tasks").paginate(cluster=self._cluster, serviceName=self._service)
        arns = [arn for page in pages for arn in page["taskArns"]]
        # describe_tasks takes 100 at most.
        parts = [arns[start : start + 100] for start in range(0, len(arns), 100)]
        found = [
            task for part in parts for task in self._ecs.describe_tasks(cluster=self._cluster, tasks=part)["tasks"]
        ]
        return [task for task in found if task["desiredStatus"] == "RUNNING"]

    def healthy(self) -> set[str]:
        """Return the ARNs of the tasks that get traffic: they run, and are healthy in each target group."""
        running = {
            task["taskArn"]: {
                address["privateIpv4Address"]
                for container in task["containers"]
                for address in container.get("networkInterfaces", ())
            }
            for task in self.present()
            if task["lastStatus"] == "RUNNING"
        }
        for balancer in live(self._describe()).get("loadBalancers", ()):
            answer = self._elbv2.describe_target_health(TargetGroupArn=balancer["targetGroupArn"])
            addresses = {
                found["Target"]["Id"]
                for found in answer["TargetHealthDescriptions"]
                if found["TargetHealth"]["State"] == "healthy"
            }
            running = {arn: own for arn, own in running.items() if own & addresses}
        return set(running)

    def replace(self, old: Sequence[str]) -> None:
        """Replace tasks; there are never fewer healthy ones than wanted, as far as it is ours.

        Args:
            old: ARNs of the tasks; those that are gone are passed over.

        Raises:
            WaitTimeoutError: ECS does not start healthy ones in time; as many tasks as before are wanted again.
        """
        count = self.wanted
        try:
            for arn in old:
                if arn not in {task["taskArn"] for task in self.present()}:
                    continue
                self._want(count + 1)
                # Without this one there still are enough.
                self._until(partial(self._has_besides, {arn}, count), f"{count} healthy tasks")
                self._ecs.stop_task(cluster=self._cluster, task=arn, reason="its password is no longer the database's")
            if self.wanted > count:
                # ECS would end one that still starts first, wherever it is: then a zone may be left without any.
                self._until(partial(self._has_besides, set(old), count + 1), f"{count + 1} healthy new tasks")
        finally:
            self._want(count)
        self._until(lambda: len(self.present()) == self.wanted == len(self.healthy()), "the service to settle")

    def _has_besides(self, without: AbstractSet[str], count: int) -> bool:
        return len(self.healthy() - without) >= count

    def _want(self, count: int) -> None:
        # Scaling may have changed it meanwhile.
        if self.wanted != count:
            self._ecs.update_service(cluster=self._cluster, service=self._service, desiredCount=count)

    def _until(self, holds: Callable[[], bool], what: str) -> None:
        self._wait(what, holds, timeout=self._timeout)
