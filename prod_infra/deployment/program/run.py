"""One operation while it runs: what it decided, what failed, whether it should stop, and who is told."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator, Sequence

from prod_infra.deployment.embedded.provider_calls import StepError
from prod_infra.deployment.engine import Change, ChangeKind, OnProgress, Progress
from prod_infra.errors import DeploymentError, InvalidInputError

_LOG = logging.getLogger("prod_infra.deployment")


class Run:
    """Collects from all threads.

    Args:
        operation: `preview`, `up`, `refresh` or `destroy`.
        on_progress: told of every step, by one thread at a time.

    Attributes:
        changes: in the order in which they were decided, until they are sorted.
        failures: message by URN.
        faults: what is wrong with the program's inputs, a sentence each; found before anything is done.
        warnings: what the user should know although nothing failed.
        blocked: why it must stay, by URN of each protected resource that would be deleted.
        interrupted: whether the user asked to stop.
        done: number of steps that succeeded.
        stopping: set when no new step may begin.
    """

    def __init__(self, operation: str, on_progress: OnProgress | None = None) -> None:
        self.operation = operation
        self.changes: list[Change] = []
        self.failures: dict[str, str] = {}
        self.faults: list[str] = []
        self.blocked: dict[str, str] = {}
        self.warnings: list[str] = []
        self.stopping = threading.Event()
        self.interrupted = False
        self.done = 0
        self._on_progress = on_progress
        self._lock = threading.RLock()

    def decide(self, change: Change) -> None:
        """Note what happens to a resource."""
        with self._lock:
            self.changes.append(change)

    def sort(self, urns: Sequence[str]) -> None:
        """Put the changes in the order of the URNs; deletions stay last, in the order in which they were decided."""
        place = {urn: index for index, urn in enumerate(urns)}

        def key(change: Change) -> tuple[bool, int]:
            deletes = change.kind is ChangeKind.DELETE
            return deletes, 0 if deletes else place.get(change.urn, len(place))

        self.changes.sort(key=key)

    def warn(self, message: str) -> None:
        """Note something for the user, and log it at once."""
        with self._lock:
            self.warnings.append(message)
        _LOG.warning(message)

    def fail(self, urn: str, message: str) -> None:
        """Note a failure; no new step may begin."""
        with self._lock:
            self.failures[urn] = message
        self.stopping.set()

    def interrupt(self) -> None:
        """Begin no new step; those that run go on to their end."""
        self.interrupted = True
        self.stopping.set()
        _LOG.warning("Stopping: the steps that are under way end first. Interrupt again to leave them as they are.")

    def _tell(self, progress: Progress) -> None:
        if self._on_progress:
            with self._lock:
                self._on_progress(progress)

    @contextlib.contextmanager
    def step(self, change: Change) -> Iterator[None]:
        """Report a step from its start to its end; a failure is noted, stops the run and goes on to the caller."""
        self._tell(Progress(change=change, status="started"))
        start = time.perf_counter()
        try:
            yield
        except StepError as error:
            self.fail(change.urn, error.message)
            seconds = time.perf_counter() - start
            self._tell(Progress(change=change, status="failed", seconds=seconds, message=error.message))
            raise
        with self._lock:
            self.done += 1
        self._tell(Progress(change=change, status="done", seconds=time.perf_counter() - start))

    def raise_faults(self) -> None:
        """Raise what makes the operation impossible; nothing has been done yet.

        Raises:
            InvalidInputError: the program's inputs are wrong, with every fault.
            DeploymentError: protected resources are in the way, with all of them.
        """
        if self.faults:
            raise InvalidInputError("The provider refuses what the program registers", self.faults)
        if self.blocked:
            raise DeploymentError(
                "Protected resources would be deleted; nothing was changed.",
                self.blocked,
                hint="set protect=False on them in the program, run `up`, and then try again",
            )

    def raise_failures(self) -> None:
        """Raise what failed or was left undone.

        Raises:
            DeploymentError: a step failed, or the run was interrupted.
        """
        if self.failures:
            raise DeploymentError(
                f"{len(self.failures)} of {len(self.failures) + self.done} steps of `{self.operation}` failed; "
                "what was done is in the state.",
                self.failures,
                hint=f"mend the cause and run `{self.operation}` again: it goes on from here",
            )
        if self.interrupted:
            raise DeploymentError(
                f"`{self.operation}` was interrupted after {self.done} steps; what was done is in the state.",
                hint=f"run `{self.operation}` again: it goes on from here",
            )
