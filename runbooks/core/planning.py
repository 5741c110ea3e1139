"""Plans that are the same in every run, though the run uses values of its own, such as its id."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from runbooks.core.run import Run
from runbooks.parameters import DrillParameters
from runbooks.records.record_parts import Plan

P = TypeVar("P", bound=DrillParameters)


class PlannedRun(Run[P]):
    """A run whose steps call with values that only this run has: a plan with them in it could be approved only once."""

    planning = False
    """Whether the plan is made now: what a step then says is for the plan, else for AWS and the journal."""

    def own(self, placeholder: str, value: Callable[[], str]) -> str:
        """Return a value that is this run's own, or in a plan what stands for it, such as `<run id>`."""
        return placeholder if self.planning else value()

    def _make_plan(self) -> Plan:
        self.planning = True
        try:
            return super()._make_plan()
        finally:
            self.planning = False
