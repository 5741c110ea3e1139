"""How a drill probes: from before it acts until it is over, through the front door, into the run's record.

A drill below `ProbedRun` needs nothing else; one of another shape does by itself

    probing = Probing(self).start()   # before the first change
    probing.measure()                 # after the last one: publishes `objectives` and `measured`
    probing.require()                 # raises where an objective is missed
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final, Self, TypeVar

import httpx

from prod_infra.errors import RunbookError, WaitTimeoutError
from runbooks.core.results import publish
from runbooks.core.run import Run
from runbooks.parameters import ProbedParameters
from runbooks.probes import measure
from runbooks.probes.prober import Prober
from runbooks.probes.samples import Kind, Probe, Sample, read_probe
from runbooks.records.record_parts import Measured, Objectives
from runbooks.verify import Check

P = TypeVar("P", bound=ProbedParameters)

ANSWER_SECONDS: Final = 10.0
"""For which a probe may take to get through; where it never does, the drill would measure nothing."""

POLL_SECONDS: Final = 0.1
"""Between two looks at what the probe wrote down."""

CHECKED: Final = "Requests get through the front door"


class Probing:
    """A drill's probe.

    Args:
        run: the drill, whose parameters are `ProbedParameters`; its folder gets `probe.jsonl`, the writes its id.

    Attributes:
        probe: every sample; None until it is measured.
        measured: what they say; None until then.
    """

    def __init__(self, run: Run[Any]) -> None:
        given: ProbedParameters = run.parameters
        self._run = run
        self._objectives = Objectives(rto_seconds=given.rto_objective_seconds, rpo=given.rpo_objective)
        self._paths: dict[Kind, str] = {"write": given.probe_write, "read": given.probe_read}
        self._client: httpx.Client = run.front_door().client()
        self._prober = Prober(
            self._client,
            run.id,
            run.folder / "probe.jsonl",
            write=given.probe_write,
            read=given.probe_read,
            interval=given.probe_interval,
            timeout=given.probe_timeout,
        )
        self.probe: Probe | None = None
        self.measured: Measured | None = None

    def start(self, *, in_outage: bool = False) -> Self:
        """Begin, and return when each kind of request got through once: the drill may act.

        Args:
            in_outage: return at once: requests fail already, which is why somebody acts.

        Raises:
            RunbookError: one does not; the probe is stopped again.
        """
        self._prober.start()
        if in_outage:
            return self
        try:
            self._run.wait("the probe to get through", self._gets_through, timeout=ANSWER_SECONDS, poll=POLL_SECONDS)
        except WaitTimeoutError as error:
            self.measure()
            samples = self.probe.samples if self.probe else ()
            said = {f"{found.kind} {self._paths[found.kind]}: {found.status or found.error}" for found in samples}
            raise RunbookError(
                f"The probe does not get through: {'; '.join(sorted(said)) or 'nothing was sent'}.",
                hint='give the right paths; `probe_write=""` where the app offers no write probe',
            ) from error
        return self

    def samples(self) -> list[Sample]:
        """Return what was asked so far."""
        return list(read_probe(self._prober.path).samples)

    def _gets_through(self, after: int = 0) -> bool:
        answered = {found.kind for found in self.samples()[after:] if found.succeeded}
        return {kind for kind, path in self._paths.items() if path} <= answered

    def check(self, group: str) -> Check:
        """Look whether each kind of request gets through from now on, for a verification; it waits for that a while."""
        known = len(self.samples())
        kinds = [kind for kind, path in self._paths.items() if path]
        detail = f"{' and '.join(kinds) or 'nothing'} of the probe"
        try:
            self._run.wait(detail, lambda: self._gets_through(known), timeout=ANSWER_SECONDS, poll=POLL_SECONDS)
        except WaitTimeoutError as error:
            return Check(group=group, name=CHECKED, passed=False, detail=error.message)
        return Check(group=group, name=CHECKED, passed=True, detail=detail)

    def measure(self, **how: Any) -> Measured:
        """Stop, ask the app which writes it has, publish `objectives` and `measured`; a second call only returns it.

        Args:
            **how: `since` and `shifting` of `runbooks.probes.measure.measured`.
        """
        if self.measured is None:
            self.probe = self._prober.stop()
            self.measured = measure.measured(self.probe, self._prober.stored(), **how)
            self._client.close()
            publish("objectives", self._objectives.model_dump(mode="json"))
            publish("measured", self.measured.model_dump(mode="json"))
            for line in self._lines(self.measured):
                self._run.say(line)
        return self.measured

    def _lines(self, found: Measured) -> list[str]:
        rto = "not measured" if found.rto_seconds is None else f"{found.rto_seconds:.2f} s"
        rpo = "not measured" if found.rpo is None else f"{found.rpo} acknowledged writes lost"
        sent = ", ".join(f"{found.failed.get(kind, 0)} of {count} {kind}s" for kind, count in found.requests.items())
        return [
            f"RTO {rto}{found.rto_why and f' ({found.rto_why})'}, by {found.rto_by or 'no'} requests",
            f"RPO {rpo}{found.rpo_why and f' ({found.rpo_why})'}",
            f"lost requests: {sent or 'none were sent'}",
        ]

    def missed(self) -> list[str]:
        """Return which objectives were missed, each as a sentence.

        What could not be measured though it was probed counts as missed; what the app offers no probe for does not.
        """
        found, wanted = self.measure(), self._objectives
        faults = [f"The probe did not last: {found.probe_error}."] if found.probe_error else []
        if wanted.rto_seconds is not None and found.requests and not found.probe_error:
            if found.rto_seconds is None:
                faults.append(f"RTO was not measured: {found.rto_why}.")
            elif found.rto_seconds > wanted.rto_seconds:
                faults.append(f"RTO was {found.rto_seconds:.2f} s; the objective is {wanted.rto_seconds:g} s.")
        if wanted.rpo is not None and self._paths["write"]:
            if found.rpo is None:
                faults.append(f"RPO was not measured: {found.rpo_why}.")
            elif found.rpo > wanted.rpo:
                faults.append(f"{found.rpo} acknowledged writes are lost; the objective is {wanted.rpo}.")
        return faults

    def require(self) -> None:
        """Hold the drill against its objectives.

        Raises:
            RunbookError: one was missed; it names each.
        """
        if missed := self.missed():
            raise RunbookError(
                f"The drill missed its objectives: {' '.join(missed)}", hint="probe.jsonl has every request"
            )


class ProbedRun(Run[P]):
    """A drill that probes from before its first change to the end of `verify`.

    What was measured is in the record however the drill ends, but for a killed kernel. A missed objective fails it at
    its very end, in `result`: the runner then takes back what `finish` did not.
    """

    probing: Probing | None = None
    """From `act` on, but in a dry run."""

    @property
    def in_outage(self) -> bool:
        """Whether it acts on an outage that is there: it is measured then, and held against no objective."""
        return False

    def finish(self) -> None:
        """Do what the probe has to see after the verification, such as `take_back`."""

    def act(self) -> None:
        """Start the probe, then do each step.

        Raises:
            RunbookError: the probe does not get through, or a step failed.
        """
        if not self.parameters.dry_run:
            self.probing = Probing(self).start(in_outage=self.in_outage)
        with self._measured_anyway():
            super().act()

    def verify(self) -> None:
        """Look whether the steps brought about what they should, `finish`, and measure.

        Raises:
            RunbookError: a check failed, or not everything could be taken back.
        """
        with self._measured_anyway():
            super().verify()
            self.finish()
        if self.probing is not None:
            self.probing.measure()

    def result(self) -> None:
        """Hold the drill against its objectives, give back the lock, let go of the target.

        Raises:
            RunbookError: an objective was missed.
        """
        if self.probing is not None and not self.in_outage:
            self.probing.require()
        super().result()

    @contextlib.contextmanager
    def _measured_anyway(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            if self.probing is not None:
                try:
                    self.probing.measure()
                except Exception as second:  # noqa: BLE001  why the drill failed matters more
                    error.add_note(f"nothing was measured: {second}")
            raise
