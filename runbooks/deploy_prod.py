"""Runbook `deploy_prod`: policy gate, preview, up, verification; each cell of the notebook calls one method."""

from __future__ import annotations

import contextvars
import dataclasses
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pulumi
from pulumi.runtime import set_all_config
from rich.text import Text

from prod_infra.deployment import evaluate, policy_gate, project
from prod_infra.deployment.engine import Change, ChangeKind, Program, Progress, Result
from prod_infra.deployment.policy_guard import PolicyGuard
from prod_infra.deployment.policy_report import as_json
from prod_infra.deployment.report import show_progress, show_result, summary
from prod_infra.deployment.targets import LocalTarget, open_target
from prod_infra.errors import DeploymentError, RunbookError
from prod_infra.settings import Settings
from runbooks.parameters import DeployProdParameters
from runbooks.results import publish
from runbooks.terminal import cell_console
from runbooks.verify import Check, verify


@dataclass(frozen=True, kw_only=True)
class Environment:
    """What is deployed: the project's program, and the settings that its stack and the parameters come to."""

    program: Program
    settings: Settings

    @property
    def hosted_zone(self) -> str:
        """Public zone that must exist before the first deploy, as a registrar's customer has it."""
        return self.settings.hosted_zone_name or self.settings.domain_name


def _config_text(value: Any) -> str:
    """Return a setting as `pulumi config set` stores it."""
    return value if isinstance(value, str) else json.dumps(value)


def environment(directory: Path, stack: str, settings: Mapping[str, Any]) -> Environment:
    """Return the project in `directory`, or the packaged one where there is no Pulumi.yaml.

    Args:
        directory: where to look for a `Pulumi.yaml`.
        stack: which `Pulumi.<stack>.yaml`.
        settings: those that differ from the stack's, by name.

    Raises:
        InvalidInputError: the settings can't be right, every fault at once.
    """
    program = project.find(directory, stack, {name: _config_text(value) for name, value in settings.items()})

    def read() -> Settings:
        set_all_config(dict(program.config))
        return Settings.from_config(pulumi.Config("prod-infra"))

    # Pulumi keeps configuration in context variables; this reading must leave none behind.
    return Environment(program=program, settings=contextvars.Context().run(read))


def _result_json(result: Result) -> dict[str, Any]:
    changes = [
        {
            "urn": change.urn,
            "kind": change.kind.value,
            "properties": [found.path for found in change.properties],
        }
        for change in result.changes
        if change.kind is not ChangeKind.SAME
    ]
    return {"counts": result.counts, "changes": changes, "seconds": round(result.seconds, 3)}


class DeployProd:
    """One run of the runbook; made by `start`."""

    def __init__(self, parameters: DeployProdParameters, target: LocalTarget, env: Environment) -> None:
        self.parameters = parameters
        self.target = target
        self.environment = env
        self.engine = target.engine(env.program)
        self.console = cell_console()

    def gate(self) -> None:
        """Hold what the program registers against the policy pack.

        Raises:
            RunbookError: a mandatory rule is violated.
        """
        verdict = policy_gate.check_program(lambda: evaluate.register(self.environment.program))
        policy_gate.render(verdict, self.console)
        numbers = {**verdict.counts, "violations": len(verdict.violations)}
        found = {"passed": verdict.passed, "counts": numbers, "report": json.loads(as_json(verdict))}
        publish("policy", found, "passed" if verdict.passed else "blocked")
        if not verdict.passed:
            raise RunbookError(
                f"The policy gate is closed: {len(verdict.violations)} mandatory violation(s). Nothing was changed.",
                hint="each violation above says how to mend it",
            )

    def preview(self) -> None:
        """Say what `up` will do."""
        result = self.engine.preview()
        created = [change.type for change in result.changes if change.kind is ChangeKind.CREATE]
        if created:
            # A line for each would come twice: `up` shows them as they are made. Components are counted below.
            counts = Counter(token.split("/")[0].removeprefix("aws:") for token in created if "/" in token)
            services = ", ".join(f"{service} {count}" for service, count in sorted(counts.items()))
            self.console.print(Text.assemble(("+ to create: ", "green"), services))
        show_result(result, self.console, without={ChangeKind.CREATE})
        publish("preview", _result_json(result), summary(result))

    def up(self) -> None:
        """Make it so.

        Raises:
            DeploymentError: it stopped part way; what was done is in the state, and the next run goes on from there.
        """
        if self.parameters.dry_run:
            self.console.print("dry run: nothing is changed")
            return
        done: list[Change] = []
        show = show_progress(self.console)

        def on_progress(progress: Progress) -> None:
            if progress.status == "done":
                done.append(progress.change)
            show(progress)

        try:
            # What the gate had to defer, the pack decides here, resource by resource.
            with PolicyGuard() as guard:
                result = self.target.engine(self.environment.program, guard.objections).up(on_progress)
        except DeploymentError as error:
            stopped = _result_json(Result(operation="up", changes=tuple(done)))
            publish("up", {**stopped, "failures": error.failures, "complete": False}, error.message)
            raise
        self.console.print(Text(summary(result), style="bold"))
        publish("up", {**_result_json(result), "outputs": dict(result.outputs), "complete": True}, summary(result))

    def verify(self) -> None:
        """Ask AWS whether the environment is what the settings say.

        Raises:
            RunbookError: a check failed.
        """
        if self.parameters.dry_run:
            self.console.print("dry run: there is nothing new to verify")
            return
        settings = self.environment.settings
        checks = verify(self.target.clients(settings.region), settings, self._show_check)
        failed = [check for check in checks if not check.passed]
        text = f"{len(checks) - len(failed)} of {len(checks)} checks passed"
        self.console.print(Text(text, style="bold"))
        publish("verification", {"checks": [dataclasses.asdict(check) for check in checks]}, text)
        if failed:
            raise RunbookError(
                f"{len(failed)} of {len(checks)} checks failed: " + "; ".join(check.name for check in failed),
                hint="compare the details above with the settings; a changed resource is put right by the next run",
            )

    def _show_check(self, check: Check) -> None:
        sign, style = ("✓", "green") if check.passed else ("✗", "bold red")
        line = Text.assemble((f"{sign} ", style), (f"{check.group:<8} ", "dim"), check.name)
        if not check.passed:
            line.append(f": {check.detail}", style="red")
        self.console.print(line, soft_wrap=True)

    def result(self) -> None:
        """Show the stack's exports, and let go of the target."""
        for name, value in sorted(self.engine.outputs().items()):
            text = value if isinstance(value, str) else json.dumps(value)
            self.console.print(Text.assemble((f"{name:<26}", "dim"), text), soft_wrap=True)
        self.target.close()


def start(
    *,
    target: Literal["local", "aws"] = "local",
    stack: str = "prod",
    endpoint: str = "",
    settings: Mapping[str, Any] | None = None,
    dry_run: bool = False,
) -> DeployProd:
    """Check the parameters, open the target and show both.

    Args:
        target: where to deploy.
        stack: which `Pulumi.<stack>.yaml` of the working directory.
        endpoint: of a running local AWS; if empty, the one left running here, or a new one that ends with the kernel.
        settings: those that differ from the stack's, by name.
        dry_run: check and plan, change nothing.

    Raises:
        InvalidInputError: parameters or settings that can't be right.
        TargetError: the target can't be used; nothing has happened.
    """
    given = {"target": target, "stack": stack, "endpoint": endpoint, "settings": settings or {}, "dry_run": dry_run}
    parameters = DeployProdParameters.check("deploy_prod", given)
    env = environment(Path(), stack, parameters.settings)
    opened = open_target(target, endpoint=endpoint, start=True, hosted_zones=[env.hosted_zone])
    run = DeployProd(parameters, opened, env)
    described = {**opened.describe(), "region": env.settings.region, "stack": stack}
    text = f"target {opened.name} at {opened.endpoint}, stack {stack}, {env.settings.region}"
    run.console.print(Text(text, style="dim"))
    publish("target", described, text)
    return run
