"""Runbook `deploy_prod`: policy gate, preview, approval, up, first release, verification."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Final

from rich.console import Console
from rich.text import Text

from prod_infra.deployment.account.aws_target import AwsTarget
from prod_infra.deployment.engine import Change, ChangeKind, Engine, Progress, Result
from prod_infra.deployment.policy.gate import check_program
from prod_infra.deployment.policy.report import as_json, render
from prod_infra.deployment.program import evaluate
from prod_infra.deployment.program.registration import Registration
from prod_infra.deployment.report import show_progress, show_result, summary
from prod_infra.errors import DeploymentError, RunbookError
from runbooks.actions.deployment import AccountDeployment, Deployment, Rehearsal
from runbooks.actions.first_release import FirstRelease
from runbooks.core.environment import Environment
from runbooks.core.results import publish
from runbooks.core.run import Run
from runbooks.core.step import Call, Step, UndoAction
from runbooks.core.target import Target, open_target
from runbooks.core.terminal import cell_console
from runbooks.parameters import DeployProdParameters, DrillParameters
from runbooks.records.record_parts import Plan
from runbooks.verify import GROUPS, Check
from runbooks.verify.check import run_check
from runbooks.verify.deployed import NotFoundError

TASK_DEFINITION: Final = "aws:ecs/taskDefinition:TaskDefinition"


def _changes(result: Result) -> list[Change]:
    return [change for change in result.changes if change.kind is not ChangeKind.SAME]


def _result_json(result: Result) -> dict[str, Any]:
    changes = [
        {"urn": change.urn, "kind": change.kind.value, "properties": [found.path for found in change.properties]}
        for change in _changes(result)
    ]
    return {"counts": result.counts, "changes": changes, "seconds": round(result.seconds, 3)}


@dataclass(frozen=True, kw_only=True)
class Up(Step):
    """The engine's `up`.

    Attributes:
        previewed: what it will do.
        deployment: does it.
        console: shows each resource as it is done.
    """

    no_undo: ClassVar[str] = "what was done is in the state: `up` of the former program takes it back, resume goes on"

    previewed: Result = field(repr=False)
    deployment: Deployment = field(repr=False)
    console: Console = field(repr=False)

    @property
    def name(self) -> str:
        """The operation."""
        return f"up: {len(_changes(self.previewed))} changes"

    def already_done(self) -> bool:
        """Never skipped: `up` also exports the outputs, and compares by itself."""
        return False

    def calls(self) -> Sequence[Call]:
        """The changes of the preview, and the plan file that they are held to; the provider's own calls follow."""
        covered = self.deployment.covered()
        held = [Call(service="pulumi", operation="up", parameters=covered)] if covered else []
        return held + [
            Call(
                service="pulumi",
                operation=change.kind.value,
                parameters={"urn": change.urn, "properties": [found.path for found in change.properties]},
            )
            for change in _changes(self.previewed)
        ]

    def act(self) -> Mapping[str, Any]:
        """Make it so.

        Raises:
            DeploymentError: it stopped part way; what was done is in the state, and the next run goes on from there.
        """
        done: list[Change] = []
        show = show_progress(self.console)

        def on_progress(progress: Progress) -> None:
            if progress.status == "done":
                done.append(progress.change)
            show(progress)

        try:
            result = self.deployment.up(on_progress)
        except DeploymentError as error:
            stopped = _result_json(Result(operation="up", changes=tuple(done)))
            publish("up", {**stopped, "failures": error.failures, "complete": False})
            raise
        self.console.print(Text(summary(result), style="bold"))
        publish("up", {**_result_json(result), "outputs": dict(result.outputs), "complete": True})
        return {"counts": result.counts}


class DeployProd(Run[DeployProdParameters]):
    """One run of the runbook."""

    name, model = "deploy_prod", DeployProdParameters
    _previewed: Result | None = None

    @cached_property
    def deployment(self) -> Deployment:
        """How this target is deployed to."""
        if isinstance(self.target, AwsTarget):
            return AccountDeployment(
                self.target,
                self.environment,
                lambda: self.registrations,
                approved="" if self.parameters.approve == "ask" else self.parameters.approve,
                allowed=self.parameters.allow_replacement_of,
            )
        return Rehearsal(self.target, self.environment)

    @cached_property
    def registrations(self) -> Sequence[Registration]:
        """What the program registers."""
        return evaluate.register(self.environment.program)

    @property
    def engine(self) -> Engine:
        """The engine of the environment's program."""
        return self.target.engine(self.environment.program)

    @classmethod
    def _open(cls, parameters: DrillParameters, env: Environment) -> Target:
        return open_target(parameters, env, cell_console(), deploys=True)

    def gate(self) -> None:
        """Hold what the program registers against the policy pack.

        Raises:
            RunbookError: a mandatory rule is violated.
        """
        verdict = check_program(lambda: self.registrations)
        render(verdict, self.console)
        numbers = {**verdict.counts, "violations": len(verdict.violations)}
        publish("policy", {"passed": verdict.passed, "counts": numbers, "report": json.loads(as_json(verdict))})
        if not verdict.passed:
            raise RunbookError(
                f"The policy gate is closed: {len(verdict.violations)} mandatory violation(s). Nothing was changed.",
                hint="each violation above says how to mend it",
            )

    def steps(self) -> Sequence[Step]:
        """`up`, which does what is previewed now, and the first release."""
        self._previewed = self.deployment.preview()
        registers = any(change.type == TASK_DEFINITION for change in _changes(self._previewed))
        return [
            Up(previewed=self._previewed, deployment=self.deployment, console=self.console),
            FirstRelease(run=self, registers=registers),
        ]

    def _make_plan(self) -> Plan:
        plan = super()._make_plan()
        if self.deployment.settle(plan.digest):
            return plan
        plan = super()._make_plan()
        self.deployment.settle(plan.digest)
        return plan

    def stop_alarms(self) -> Sequence[str]:
        """None: those of a fresh environment fire until its tasks run."""
        return ()

    def show_plan(self, lines: Sequence[str]) -> None:
        """Show the preview, creations counted by service: `up` shows each as it is made; on aws, what it comes to.

        Raises:
            ApprovalError: it would lose data that nobody gave up; nothing was changed.
            InvalidInputError: the account is not ready; nothing was changed.
        """
        assert self._previewed is not None  # noqa: S101  `steps` came before
        result = self._previewed
        created = [change.type for change in result.changes if change.kind is ChangeKind.CREATE]
        if created:
            # Components have no service; they are counted in the last line.
            counts = Counter(token.split("/")[0].removeprefix("aws:") for token in created if "/" in token)
            services = ", ".join(f"{service} {count}" for service, count in sorted(counts.items()))
            self.console.print(Text.assemble(("+ to create: ", "green"), services))
        show_result(result, self.console, without={ChangeKind.CREATE})
        publish("preview", _result_json(result))
        self.deployment.review(self.console)
        self.say(lines[-1], "dim")

    def lock_bucket(self) -> str | None:
        """Return the bucket for locks; there is none before the first deploy, when the state's own lock is all."""
        try:
            return super().lock_bucket()
        except NotFoundError:
            return None

    def checks(self) -> Iterator[Check]:
        """Ask AWS whether the environment is what the settings say."""
        deployed = self.deployed()
        for group, functions in GROUPS:
            for function in functions:
                yield run_check(group, function, deployed)

    def result(self) -> None:
        """Show the stack's exports, and let go of the target."""
        for name, value in sorted(self.engine.outputs().items()):
            text = value if isinstance(value, str) else json.dumps(value)
            self.console.print(Text.assemble((f"{name:<26}", "dim"), text), soft_wrap=True)
        super().result()


start = DeployProd.start

UNDO: Final[Mapping[str, UndoAction]] = {}
