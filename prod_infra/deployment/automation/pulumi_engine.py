"""The engine of production: Pulumi's own, driven through its Automation API."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from pulumi import automation
from pulumi.automation.errors import CommandError, ConcurrentUpdateError, StackNotFoundError
from pulumi.automation.events import EngineEvent, StepEventMetadata

from prod_infra.deployment.automation.pulumi_cli import PulumiCli, find_cli
from prod_infra.deployment.automation.pulumi_events import Listener
from prod_infra.deployment.engine import ChangeKind, Inspection, OnProgress, Program, Reading, Result
from prod_infra.deployment.program.inline import InlineProgram
from prod_infra.errors import DeploymentError, PolicyError, ProdInfraError, StateError
from prod_infra.properties import SECRET_MASK

_KEYS_OF_SECRETS: Final = ("secretsprovider", "encryptedkey", "encryptionsalt")
"""What `Pulumi.<stack>.yaml` says of the key that the stack's secrets are encrypted with."""

_MAKING: Final = frozenset({"preview", "up"})
"""Operations that make a stack which is not there; any other has nothing to do without one."""


class PulumiEngine:
    """Implements `Engine` on one stack.

    The program runs in this process. The project's files are only read: what the CLI writes (configuration, the salt of
    secrets) goes to a folder of the stack, and stays: plans need the same salt.

    Args:
        program: what to deploy.
        cli: the Pulumi CLI; the one on PATH if left out.
        backend: URL of the state's backend (`file://…`, `s3://…`); if empty, `PULUMI_BACKEND_URL`, the project's own,
            or where the CLI is logged in.
        secrets_provider: `passphrase`, `awskms://…`; if empty, the stack's own or the backend's default.
        pack: folder of the policy pack that every preview and `up` must pass; None for none.
        plan: file of the approved plan: `preview` writes it, `up` does what is in it and nothing else.
        environment: variables for the CLI alone, such as credentials or `PULUMI_DEBUG_PROVIDERS`.
        folder: for what the CLI writes; `.prod-infra/pulumi/<stack>` in the working directory if left out.

    Raises:
        TargetError: there is no CLI that fits.
    """

    def __init__(
        self,
        program: Program,
        *,
        cli: PulumiCli | None = None,
        backend: str = "",
        secrets_provider: str = "",
        pack: Path | None = None,
        plan: Path | None = None,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.program = program
        self._inline = InlineProgram(program.main)
        self._folder = (folder or Path(".prod-infra/pulumi") / program.stack).resolve()
        self._cli = cli or find_cli()
        self._secrets_provider = secrets_provider
        self._packs = [str(pack)] if pack else None
        self._plan = str(plan) if plan else None
        # The CLI starts the pack, which needs this very interpreter's packages.
        interpreter = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        self._environment = {
            "PATH": interpreter,
            "VIRTUAL_ENV": sys.prefix,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            # The Automation API confirms what is to be confirmed; a preview refuses to be confirmed.
            "PULUMI_SKIP_CONFIRMATIONS": "false",
            # What the caller says wins over what the user's shell says.
            **({"PULUMI_BACKEND_URL": backend} if backend else {}),
            **(environment or {}),
        }

    def preview(self) -> Result:
        """Say what `up` would do; change nothing.

        Raises:
            PolicyError: the pack objects.
            DeploymentError: the program or a provider failed.
            StateError: the stack is locked, or its backend can't be used.
        """
        return self._operate(
            "preview", lambda stack, **told: stack.preview(policy_packs=self._packs, plan=self._plan, **told)
        )

    def up(self, on_progress: OnProgress | None = None) -> Result:
        """Make what the program registers true.

        Raises:
            PolicyError: the pack objects.
            DeploymentError: it stopped part way, or the approved plan is stale; the state says what was done.
            StateError: the stack is locked, or its backend can't be used.
            KeyboardInterrupt: Ctrl-C; the CLI has ended its current steps and written its state.
        """
        return self._operate(
            "up",
            lambda stack, **told: stack.up(policy_packs=self._packs, plan=self._plan, show_secrets=False, **told),
            on_progress,
        )

    def refresh(self, on_progress: OnProgress | None = None) -> Result:
        """Read every resource again and put what AWS says into the state; what differs is drift.

        Raises:
            DeploymentError: a resource can't be read.
            StateError: the stack is locked, or its backend can't be used.
        """
        return self._operate("refresh", lambda stack, **told: stack.refresh(show_secrets=False, **told), on_progress)

    def inspect(self) -> Inspection:
        """Read every resource again and say what differs from the state; change nothing, the state neither.

        Raises:
            DeploymentError: a resource can't be read.
            StateError: the stack's backend can't be used.
        """
        steps: dict[str, StepEventMetadata] = {}

        def run(stack: automation.Stack, on_event: Callable[[EngineEvent], None]) -> None:
            def note(event: EngineEvent) -> None:
                on_event(event)
                if event.res_outputs_event:
                    steps[event.res_outputs_event.metadata.urn] = event.res_outputs_event.metadata

            stack.preview_refresh(show_secrets=False, on_event=note)

        result = self._operate("refresh", run)
        read = [(change, steps[change.urn]) for change in result.changes if change.urn in steps]
        readings = [
            Reading(
                change=change,
                id=step.old.id,
                declared=step.old.inputs or {},
                actual=(step.new.outputs or {}) if step.new else {},
            )
            for change, step in read
            if step.old and step.old.custom
        ]
        return Inspection(readings=tuple(readings), warnings=result.warnings)

    def destroy(self, on_progress: OnProgress | None = None) -> Result:
        """Delete every resource of the stack, in reverse order of dependency.

        Raises:
            DeploymentError: a resource is protected, or can't be deleted.
            StateError: the stack is locked, or its backend can't be used.
        """
        return self._operate("destroy", lambda stack, **told: stack.destroy(show_secrets=False, **told), on_progress)

    def outputs(self) -> Mapping[str, Any]:
        """Return the stack's exports as of the last `up`, secrets masked."""
        return _outputs(self._stack())

    def export(self) -> dict[str, Any]:
        """Return the deployment as `pulumi stack export` writes it, secrets encrypted."""
        found = self._stack().export_stack()
        return {"version": found.version, "deployment": found.deployment}

    def _operate(self, operation: str, run: Callable[..., Any], on_progress: OnProgress | None = None) -> Result:
        begun = time.monotonic()
        listener = Listener(on_progress)
        stack = self._stack(make=operation in _MAKING)
        try:
            run(stack, on_event=listener.on_event)
        except CommandError as error:
            raise self._error(operation, error, listener) from error
        finally:
            self._inline.close()
        outputs = {} if operation in {"preview", "destroy"} else _outputs(stack)
        return Result(
            operation=operation,
            changes=listener.ordered,
            outputs=outputs,
            seconds=time.monotonic() - begun,
            warnings=tuple(listener.warnings),
        )

    def _stack(self, *, make: bool = False) -> automation.Stack:
        """Return the stack with the program's configuration and nothing else; made if it is not there and may be.

        Raises:
            StateError: there is no such stack, or its backend can't be used.
        """
        settings = automation.ProjectSettings(name=self.program.project, runtime="python", main=str(Path.cwd()))
        if backend := _yaml(self._in_project("Pulumi.yaml")).get("backend", {}).get("url", ""):
            settings.backend = automation.ProjectBackend(backend)
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / f"Pulumi.{self.program.stack}.yaml"
        keys = {**_keys_of_secrets(file), **_keys_of_secrets(self._in_project(file.name))}
        file.write_text(yaml.safe_dump(keys), encoding="utf-8")
        config = {
            key: automation.ConfigValue(value, secret=key in self.program.secret_keys)
            for key, value in self.program.config.items()
        }
        try:
            workspace = automation.LocalWorkspace(
                work_dir=str(self._folder),
                program=self._inline,
                project_settings=settings,
                # The CLI itself takes a new stack's from an option alone, and else asks for a passphrase.
                secrets_provider=self._secrets_provider or keys.get("secretsprovider"),
                env_vars=self._environment,
                pulumi_command=self._cli,
            )
            find = automation.Stack.create_or_select if make else automation.Stack.select
            stack = find(self.program.stack, workspace)
            stack.set_all_config(config)
        except StackNotFoundError as error:
            raise StateError(
                f"There is no stack {self.program.stack} in the backend: nothing was deployed by this state yet.",
                hint="check the stack's name and the backend's URL; `preview` and `up` make a stack",
            ) from error
        except CommandError as error:
            raise StateError(
                f"Stack {self.program.stack} can't be opened: {_last_words(error)}",
                hint="check the backend's URL and credentials, `pulumi login`, and the secrets' passphrase or key",
            ) from error
        return stack

    def _in_project(self, name: str) -> Path | None:
        return self.program.directory / name if self.program.directory else None

    def _error(self, operation: str, error: CommandError, listener: Listener) -> ProdInfraError:
        """Return our error for the CLI's, with its way out."""
        stack, said = self.program.stack, str(error)
        if trouble := _trouble(stack, error, listener):
            return trouble
        if listener.violations:
            broken = "".join(f"\n  - {urn}: {why}" for urn, why in listener.violations.items())
            return PolicyError(f"The policy pack stops {operation}:{broken}", hint="mend them and run again")
        if "resource plugin" in said:
            return DeploymentError(
                f"{operation} of stack {stack} did not start: {_last_words(error)}. Nothing was changed.",
                hint="`pulumi plugin install resource <name> <version>`, with those of the message, where there is a "
                "network; without one, its archive's path by `--file`",
            )
        if "policy pack not started" in said:
            return PolicyError(f"The policy pack does not start: {_last_words(error)}")
        failures = {**listener.failures, **{f"error {n}": text for n, text in enumerate(listener.errors, 1)}}
        done = sum(change.kind is not ChangeKind.SAME for change in listener.changes.values())
        what = f"{operation} of stack {stack} stopped, {done} resource(s) in: {_last_words(error)}"
        if "violates plan" in said:
            what = f"What {operation} would do is no longer what was approved."
            hint = "preview again, and have the new plan approved"
        elif "pending operations" in said:
            hint = f"a killed run left operations pending: {_mend_pending(stack)}"
        else:
            hint = "the state holds what was done; mend the cause and run again, it goes on from there"
        return DeploymentError(what, failures, hint=hint)


def _mend_pending(stack: str) -> str:
    # Without a terminal the CLI leaves them as they are.
    return (
        f"`pulumi refresh --stack {stack}`, in a terminal, asks about each: import what AWS made, clear the rest; then "
        "run again"
    )


def _trouble(stack: str, error: CommandError, listener: Listener) -> StateError | None:
    """Return what is the matter with the state, if that is it, and how to go on."""
    if isinstance(error, ConcurrentUpdateError):
        return StateError(
            f"Stack {stack} is locked: another operation works on it, or one was killed.",
            hint=f"wait for it; if it is dead, `pulumi cancel --stack {stack}`, then `pulumi refresh`",
        )
    if "snapshot integrity" in str(error):
        return StateError(
            f"The state of stack {stack} contradicts itself: {_last_words(error)}.",
            hint=f"`pulumi stack export --stack {stack}` keeps a copy; then `pulumi state repair`, `pulumi refresh`",
        )
    if "pending operations" in str(error) and not listener.failures:
        return StateError(
            f"Stack {stack} has operations that were interrupted: nobody knows whether AWS did them.",
            hint=_mend_pending(stack),
        )
    return None


def _yaml(path: Path | None) -> dict[str, Any]:
    """Return what a file says; nothing for one that is not there."""
    found = yaml.safe_load(path.read_text(encoding="utf-8")) if path and path.exists() else None
    return found if isinstance(found, dict) else {}


def _keys_of_secrets(path: Path | None) -> dict[str, Any]:
    return {key: value for key, value in _yaml(path).items() if key in _KEYS_OF_SECRETS}


def _outputs(stack: automation.Stack) -> dict[str, Any]:
    return {name: SECRET_MASK if output.secret else output.value for name, output in stack.outputs().items()}


def _last_words(error: CommandError) -> str:
    """Return the lines of the CLI's output that say what was wrong."""
    # The CLI's own lines follow `stderr: `, which the Automation API puts before them.
    lines = [line.strip().removeprefix("stderr: ") for line in str(error).splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error:")]
    return "; ".join(errors or lines[-3:])
