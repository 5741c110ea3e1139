"""Runbook `rotate_docdb_password`: a new password for the database's first user: secret, cluster, tasks, in this order.

DocumentDB has one password a user. Connections outlive its change, new logins need the new one: from the moment that
the cluster has it until its task is replaced, a task that has to log in again (a failover, a broken connection) can't,
and a task that starts before AWSCURRENT has moved can't at all. So the label moves right after the cluster, then the
tasks are replaced one at a time with one more than wanted; the probe counts each request that fails meanwhile.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import httpx

from prod_infra.errors import RunbookError
from runbooks.actions import docdb_password
from runbooks.actions.docdb_password import CURRENT, PENDING, PREVIOUS, holders
from runbooks.actions.docdb_password_steps import Facts, GivePassword, Promote, PutVersion, ReplaceTasks
from runbooks.actions.former_password import TryFormerPassword, forget_definition
from runbooks.actions.one_off_task import Ended, one_off_task, stop_tasks
from runbooks.actions.task_rolling import ServiceTasks
from runbooks.core.planning import PlannedRun
from runbooks.core.step import Step, UndoAction
from runbooks.probes.probing import ProbedRun
from runbooks.recovery_parameters import RotateDocdbPasswordParameters
from runbooks.verify import Check

ANSWER_SECONDS: Final = 10.0


class RotateDocdbPassword(PlannedRun[RotateDocdbPasswordParameters], ProbedRun[RotateDocdbPasswordParameters]):
    """One run of the runbook."""

    name, model = "rotate_docdb_password", RotateDocdbPasswordParameters
    _with_new: Ended | None = None
    _with_former: Ended | None = None

    @property
    def facts(self) -> Facts:
        """What is rotated."""
        return Facts(**self.decide("facts", self._look))

    @property
    def version(self) -> str:
        """Id of the new version."""
        return self.own("<new version>", lambda: str(self.decide("version", lambda: str(uuid.uuid4()))))

    @property
    def tasks(self) -> ServiceTasks:
        """The service's tasks."""
        facts = self.facts
        return ServiceTasks(self.aws, facts.cluster, facts.service, self.wait, self.parameters.settle_timeout)

    def preflight(self) -> None:
        """Find the secret and what it opens.

        Raises:
            RunbookError: somebody else rotates it, or it does not open this cluster.
        """
        facts = self.facts
        self.say(f"{facts.secret}, of {facts.database}, in {facts.desired} tasks of {facts.service}")

    def _look(self) -> dict[str, Any]:
        env = self.deployed()
        secret = self.aws("secretsmanager").describe_secret(SecretId=env.settings.master_password_secret_name)
        now, arn = holders(self.aws, secret["ARN"]), secret["ARN"]
        if secret.get("RotationEnabled") or env.database.get("MasterUserSecret"):
            raise RunbookError("AWS rotates this password by itself.", hint="switch that off, or leave it to AWS")
        if now.get(PENDING, now[CURRENT]) != now[CURRENT]:
            raise RunbookError(
                f"Version {now[PENDING]} is pending: a rotation is in progress.",
                hint="finish it, or undo the run that began it",
            )
        username = docdb_password.content(self.aws, arn, now[CURRENT]).get("username")
        if username != env.database["MasterUsername"]:
            raise RunbookError(f"The secret is not that of {env.database['MasterUsername']!r}.")
        return {
            "secret": arn,
            "former": now[CURRENT],
            "previous": now.get(PREVIOUS, ""),
            "database": env.database["DBClusterIdentifier"],
            "cluster": env.service["clusterArn"],
            "service": env.service["serviceName"],
            "desired": env.service["desiredCount"],
        }

    def steps(self) -> Sequence[Step]:
        """Secret, cluster, label, tasks; then both passwords are tried by tasks of their own."""
        found: list[Step] = [
            PutVersion(run=self),
            GivePassword(run=self),
            Promote(run=self),
            ReplaceTasks(run=self),
        ]
        command = self.parameters.login_command
        if not command:
            return found
        new = one_off_task(
            self, self.deployed(), title="log in with the new password", command=command, keep=self._saw, prints=True
        )
        former = replace(new, title="try the former password", keep=self._tried)
        return [*found, new, TryFormerPassword(task=former, secret=self.facts.secret)]

    def _saw(self, ended: Ended) -> None:
        self._with_new = ended

    def _tried(self, ended: Ended) -> None:
        self._with_former = ended

    def checks(self) -> Iterator[Check]:
        """The new password is everywhere, and the former one opens nothing."""
        facts, now = self.facts, holders(self.aws, self.facts.secret)
        yield Check(
            group="data",
            name="The new version is the current one",
            passed=now == {CURRENT: self.version, PREVIOUS: facts.former},
            detail=", ".join(f"{stage} {version}" for stage, version in sorted(now.items())),
        )
        old, present = set(self.decide("old_tasks", list)), {task["taskArn"] for task in self.tasks.present()}
        yield Check(
            group="compute",
            name="Every task started with it",
            passed=not old & present and len(present) >= facts.desired,
            detail=f"{len(present)} tasks, {len(old & present)} of them old",
        )
        yield self._write()
        yield Check(
            group="data",
            name="A new login gets in",
            passed=self._with_new is None or self._with_new.exit_code == 0,
            detail=str(self._with_new or "not checked: login_command is empty"),
        )
        # Without the success above, this failure would say nothing.
        yield Check(
            group="data",
            name="The former password is refused",
            passed=self._with_former is None or self._with_former.exit_code not in (0, None),
            detail=str(self._with_former or "not checked: login_command is empty"),
        )

    def _write(self) -> Check:
        name, path = "The application writes", self.parameters.probe_write
        if not path:
            return Check(group="edge", name=name, passed=True, detail="not checked: probe_write is empty")
        sent = {"run": f"{self.id}-after", "sequence": 1}
        try:
            with self.front_door().client(timeout=ANSWER_SECONDS) as client:
                answer = client.post(path, json=sent)
            return Check(group="edge", name=name, passed=answer.is_success, detail=f"{path} {answer.status_code}")
        except httpx.HTTPError as error:
            return Check(group="edge", name=name, passed=False, detail=f"{path}: {type(error).__name__}")


start = RotateDocdbPassword.start

UNDO: Final[Mapping[str, UndoAction]] = {
    "forget": docdb_password.forget,
    "password_back": docdb_password.password_back,
    "stages_back": docdb_password.stages_back,
    "count_back": docdb_password.count_back,
    "stop_tasks": stop_tasks,
    "forget_definition": forget_definition,
}
