"""What every runbook is made of: the cells of its notebook call one method of its `Run` each.

A runbook is a `DrillParameters` in `runbooks/parameters.py`, an entry in `runbooks/catalog.py`, a notebook
and `runbooks/<name>.py`, which has a subclass of `Run`, steps (`runbooks/core/step.py`), `start` and `UNDO`:

    class DocdbFailover(Run[DocdbFailoverParameters]):
        name, model = "docdb_failover", DocdbFailoverParameters

        def steps(self) -> Sequence[Step]: ...
        def checks(self) -> Iterable[Check]: ...

    start = DocdbFailover.start
    UNDO: Final[Mapping[str, UndoAction]] = {"fail_back": fail_back}

The cells: parameters, `start`, `steady_state("before")`, `plan`, `act`, `verify`, `steady_state("after")`, `result`.
`publish` of the sections `objectives` and `measured` (`runbooks.records.record_parts`) fills the fields of these names.
A cell that fails ends the run, and the engine takes every begun step back, newest first, in its own process.
"""

from __future__ import annotations

import os
from abc import ABC
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar, cast

from rich.text import Text

from prod_infra.errors import ApprovalError, RunbookError
from runbooks.core import steady_state, undo
from runbooks.core.approval import approve, command_for, make_plan, needs_person, plan_lines, word_for
from runbooks.core.aws import Aws, FrontDoor
from runbooks.core.environment import Environment, environment
from runbooks.core.journal import Journal, decided
from runbooks.core.lock import HeldLock, acquire, release
from runbooks.core.redact import Redactor, secret_values
from runbooks.core.results import publish
from runbooks.core.run_folder import FOLDER, RESUMES, own_folder
from runbooks.core.show_checks import show_checks
from runbooks.core.step import Step
from runbooks.core.stop_alarms import StopAlarms
from runbooks.core.target import Target, open_target
from runbooks.core.terminal import cell_console
from runbooks.core.waiting import require_runner, wait
from runbooks.parameters import DrillParameters
from runbooks.records.record_parts import Plan
from runbooks.verify import Check, Deployed

P = TypeVar("P", bound=DrillParameters)
Found = TypeVar("Found")


class Run(ABC, Generic[P]):
    """One run of a runbook. A subclass says `name`, `model`, `steps`, `checks`; the rest is the same for all.

    Attributes:
        parameters: typed.
        target: that was opened; `aws` is what steps need of it.
        aws: boto3 clients, region, account.
        environment: program and settings of the stack.
        folder: `records/<run id>/`; a probe's file belongs there, too.
        id: of the run, the folder's name.
        console: prints into the cell's output.
        journal: of the run.
    """

    name: ClassVar[str]
    """Such as `docdb_failover`: the module, the notebook, the catalog's entry."""

    model: ClassVar[type[DrillParameters]]
    """Its parameters."""

    def __init__(self, parameters: P, target: Target, env: Environment, folder: Path) -> None:
        self.parameters = parameters
        self.target = target
        self.environment = env
        self.aws = Aws(target, env.settings.region)
        self.folder = folder
        self.id = folder.name
        self.console = cell_console()
        self.journal = Journal(folder, Redactor.of_environment(os.environ, secret_values(parameters.model_dump())))
        self._former = Path(os.environ[RESUMES]) if os.environ.get(RESUMES) else None
        self._decided: dict[str, Any] = {}
        self._plan: Plan | None = None
        self._steps: Sequence[Step] = ()
        self._lock: HeldLock | None = None
        self._stop_alarms = StopAlarms(self.aws, self.stop_alarms)

    # What a runbook says.

    def preflight(self) -> None:
        """Look whether the run can be done at all, and `decide` what it works on; part of the first cell.

        Raises:
            RunbookError: it can't; nothing has happened.
        """

    def steps(self) -> Sequence[Step]:
        """Return what is to be done, in order; names are unique. None for a runbook that only reads."""
        return ()

    def checks(self) -> Iterable[Check]:
        """Look whether the steps brought about what they should; each is shown as it comes."""
        return ()

    def steady_checks(self) -> Iterable[Check]:
        """Look whether the environment is well; override to add to, or replace, what holds for every environment."""
        return steady_state.checks(self.aws, self.deployed())

    def stop_alarms(self) -> Sequence[str]:
        """Return the names of the alarms that end the run while it waits; asked once. All, unless overridden."""
        return [alarm["AlarmName"] for alarm in self.deployed().alarms(self.aws.region)]

    @property
    def taken_back_by_hand(self) -> bool:
        """Whether what a failed run has done stays until a person takes it back; where coming back would be worse."""
        return False

    # What steps and checks use.

    def deployed(self) -> Deployed:
        """Return the environment as AWS shows it from now on; it asks each thing once: call anew to look anew."""
        return Deployed(self.aws.clients, self.environment.settings)

    def front_door(self) -> FrontDoor:
        """Return where customers reach the environment."""
        return self.aws.front_door(self.environment.settings.domain_name)

    def decide(self, name: str, compute: Callable[[], Any]) -> Any:
        """Return a value (JSON) that must stay what it was when the run began, such as which instance was the writer.

        A resumed run gets the former one's value: what is computed anew may be another by then.
        """
        if name not in self._decided:
            former = decided(self.journal.entries())
            self._decided[name] = former[name] if name in former else compute()
            self.journal.write("decided", name=name, value=self._decided[name])
        return self._decided[name]

    def wait(self, what: str, until: Callable[[], Found | None], *, timeout: float, poll: float | None = None) -> Found:
        """Ask until the answer is there, and return it; see `runbooks.core.waiting.wait`.

        Args:
            what: is waited for, in words.
            until: returns it, or something false while it is not there yet.
            timeout: seconds.
            poll: seconds between two looks; `Aws.poll_seconds` if left out.

        Raises:
            WaitTimeoutError: it did not come in time.
            StopAlarmError: an alarm of `stop_alarms` fires.
        """
        return wait(what, until, timeout=timeout, poll=poll or self.aws.poll_seconds, between=self._stop_alarms.check)

    def say(self, text: str, style: str = "") -> None:
        """Print a line into the cell's output."""
        self.console.print(Text(text, style=style), soft_wrap=True)

    def take_back(self) -> None:
        """Take every step back, newest first, in the run itself: for a drill whose end is the environment as it was.

        Raises:
            RunbookError: not everything could be taken back.
        """
        if self.parameters.dry_run:
            return
        with self.journal.acting():
            found = undo.take_back(self.aws, self.journal, self.say)
        failed = [tried for tried in found if not tried.done]
        publish(
            "taken_back",
            {"undo": [tried.model_dump(mode="json") for tried in found]},
            f"{len(found) - len(failed)} of {len(found)} steps taken back",
        )
        if failed:
            raise RunbookError(f"Not taken back: {', '.join(tried.step for tried in failed)}.")

    # What the notebook's cells call.

    @classmethod
    def start(cls, **parameters: Any) -> Self:
        """Check the parameters, open the target, show both, and look whether the run can be done.

        Args:
            **parameters: of `model`, by name.

        Raises:
            InvalidInputError: parameters or settings that can't be right.
            TargetError: the target can't be used; nothing has happened.
            RunbookError: the run can't be done; nothing has happened.
        """
        checked = cls.model.check(cls.name, parameters)
        env = environment(Path(), checked.stack, checked.settings)
        target = cls._open(checked, env)
        run = cls(cast("P", checked), target, env, own_folder(cls.name))
        run._started()
        run.preflight()
        return run

    @classmethod
    def _open(cls, parameters: DrillParameters, env: Environment) -> Target:
        return open_target(parameters, env, cell_console())

    def _started(self) -> None:
        stack, described = self.parameters.stack, self.target.describe()
        if self._former is not None:
            self.journal.inherit(Journal(self._former, self.journal.redactor), by=self.id)
        self.journal.write(
            "started",
            run=self.id,
            runbook=self.name,
            stack=stack,
            region=self.aws.region,
            target=described,
            owned=self.target.owned,
            by_hand=self.taken_back_by_hand,
        )
        where = f" at {described['endpoint']}" if "endpoint" in described else ""
        text = f"target {self.target.name}{where}, account {self.aws.account}, stack {stack}, {self.aws.region}"
        self.say(text, "dim")
        if FOLDER not in os.environ:
            # In JupyterLab, or by papermill's own engine, nobody is there to take back what fails.
            undo_command = f"prod-infra runbook undo {self.id}"
            self.say(f"no runner: if a cell fails, `{undo_command}` takes back what was done", "yellow")
        publish(
            "target",
            {**described, "region": self.aws.region, "stack": stack, "caller": self.aws.caller, "run": self.id},
        )

    def steady_state(self, when: str) -> None:
        """Look whether the environment is well.

        Args:
            when: `before` or `after`.

        Raises:
            RunbookError: a check failed.
        """
        if failed := show_checks(self.console, f"steady_state_{when}", self.steady_checks()):
            raise RunbookError(
                f"The environment is not well {when}: {'; '.join(f'{one.name}: {one.detail}' for one in failed)}",
                hint="nothing was changed; mend that first"
                if when == "before"
                else "the journal has what takes the steps back",
            )

    def plan(self) -> None:
        """Show the exact calls that the run will make, with their digest, and get it approved; a dry run ends here.

        Raises:
            ApprovalError: nobody approved exactly this; nothing was changed.
        """
        self._plan = self._make_plan()
        reasons = {step.name: step.no_undo for step in self._steps}
        already = [step.name for step in self._steps if step.already_done()]
        self.show_plan(plan_lines(self._plan, already, reasons))
        if self.parameters.dry_run:
            self._publish_plan()
            if self._steps:
                self.say(
                    f"to carry out exactly this: {command_for(self.name, self.aws.name, self._plan.digest)}", "dim"
                )
            return
        self._publish_plan(ask=needs_person(self.aws.name, self.parameters.approve))
        given = approve(
            self._plan,
            runbook=self.name,
            target=self.aws.name,
            account=self.aws.account,
            wish=self.parameters.approve,
            folder=self.folder,
        )
        self._plan = self._plan.model_copy(update={"approved_by": given.by, "approved_at": given.at})
        self.say(f"approved: {given.by}")
        self._publish_plan()

    def show_plan(self, lines: Sequence[str]) -> None:
        """Print the plan; a runbook with hundreds of calls says it shorter."""
        for line in lines:
            self.say(line)

    def act(self) -> None:
        """Take the environment's lock and do each step that is not done already; the journal knows each before.

        Raises:
            LockError: another run holds the environment; nothing was changed.
            ApprovalError: the plan is another by now than the approved one; nothing was changed.
            RunbookError: a step failed; the runner takes back what has begun.
        """
        if self.parameters.dry_run:
            self.say("dry run: nothing is changed")
            return
        with self.journal.acting():
            self._take_lock()
            if self._plan is None or not self._plan.approved_by or self._make_plan().digest != self._plan.digest:
                raise ApprovalError(
                    "What would be done is not what was approved. Nothing was changed.", hint="run it again"
                )
            for step in self._steps:
                require_runner()
                self.journal.perform(step, self.say)

    def verify(self) -> None:
        """Look whether the steps brought about what they should.

        Raises:
            RunbookError: a check failed.
        """
        if self.parameters.dry_run and self._steps:
            self.say("dry run: there is nothing new to verify")
            return
        if failed := show_checks(self.console, "verification", self.checks()):
            raise RunbookError(
                f"{len(failed)} checks failed: {'; '.join(check.name for check in failed)}",
                hint="the details are above",
            )

    def result(self) -> None:
        """Give back the lock and let go of the target; a runbook that measures says first what came of it."""
        if self._lock is not None:
            release(self.aws, self._lock)
            self.journal.write("released")
        self.target.close()

    # How it is done.

    def _make_plan(self) -> Plan:
        self._steps = self.steps()
        return make_plan(self.name, self.aws.account, self.aws.region, self._steps)

    def _publish_plan(self, *, ask: bool = False) -> None:
        assert self._plan is not None  # noqa: S101  made right before
        found = self._plan.model_dump(mode="json")
        publish("plan", {**found, "ask": ask, "word": word_for(self.aws.name, self.aws.account, self._plan.digest)})

    def _take_lock(self) -> None:
        bucket, stack = self.lock_bucket(), self.parameters.stack
        if bucket is None:
            return
        self._lock = acquire(self.aws, bucket, stack, self.id, over=self.locks_over())
        self.journal.write("locked", bucket=bucket, key=self._lock.key, stack=stack)

    def locks_over(self) -> set[str]:
        """Return ids of the runs whose locks don't count: the one that this one resumes."""
        return {self._former.name} if self._former else set()

    def lock_bucket(self) -> str | None:
        """Return the bucket that keeps the environment's locks; None where there is no environment yet."""
        return self.deployed().bucket("evidence")
