"""Runbook `drift_check`: what differs between AWS and the declared state. It reads; safe to run every day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from prod_infra.deployment.drift import drift
from prod_infra.errors import ProdInfraError, RunbookError
from runbooks.core.results import publish
from runbooks.core.run import Run
from runbooks.core.step import UndoAction
from runbooks.parameters import DriftCheckParameters
from runbooks.verify import Check


class DriftCheck(Run[DriftCheckParameters]):
    """One run of the runbook. It has no steps, takes no lock, and leaves AWS and the state as they are."""

    name, model = "drift_check", DriftCheckParameters

    def checks(self) -> Iterator[Check]:
        """Read every resource; each service of AWS whose resources are as declared passes.

        Raises:
            RunbookError: there is no state, or a resource can't be read.
        """
        try:
            report = drift.find(self.target.engine(self.environment.program), self.aws.clients)
        except ProdInfraError as error:
            raise RunbookError(error.message, hint=error.hint) from error
        drift.show(report, self.console)
        publish("drift", report.as_json())
        faults: dict[str, list[str]] = {service: [] for service in report.services}
        for found in report.drifted:
            faults[found.service].append(found.summary)
        for service, said in sorted(faults.items()):
            detail = "; ".join(said) or f"{report.services[service]} resources"
            yield Check(group=service, name="Every resource is as declared", passed=not said, detail=detail)


start = DriftCheck.start

UNDO: Final[Mapping[str, UndoAction]] = {}
