"""Every runbook: name, what it does, its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from prod_infra.errors import InvalidInputError
from runbooks.parameters import (
    AzEvacuationParameters,
    CertificateExpiryParameters,
    DeployProdParameters,
    DocdbFailoverParameters,
    DriftCheckParameters,
    DrillParameters,
    ReleaseParameters,
    RollbackParameters,
)
from runbooks.recovery_parameters import DocdbRestoreParameters, NatOutageParameters, RotateDocdbPasswordParameters


@dataclass(frozen=True, kw_only=True)
class Runbook:
    """One runbook: `notebooks/<name>.ipynb`, whose cells call `runbooks.<name>`.

    Attributes:
        name: such as `deploy_prod`.
        title: one line for people.
        parameters: their model; the notebook's parameters cell has the same names and defaults.
        cell_timeout: seconds that one cell may take.
        deploys: whether it makes the environment itself; any other finds one, or has one made for it on local.
        package: where the module of the same name is; notebooks of another package are beside their module.
    """

    name: str
    title: str
    parameters: type[DrillParameters]
    cell_timeout: int = 3600
    deploys: bool = False
    package: str = "runbooks"

    @property
    def module(self) -> str:
        """Name of the module with its `Run`, its steps and its `UNDO`."""
        return f"{self.package}.{self.name}"

    @property
    def notebook(self) -> Path:
        """The notebook's file, in the source tree or in the installed wheel."""
        return Path(str(files("notebooks" if self.package == "runbooks" else self.package) / f"{self.name}.ipynb"))

    def validate(self, given: Mapping[str, Any]) -> DrillParameters:
        """Return the typed parameters.

        Raises:
            InvalidInputError: every fault at once.
        """
        return self.parameters.check(self.name, given)


RUNBOOKS: Final[dict[str, Runbook]] = {
    runbook.name: runbook
    for runbook in (
        Runbook(
            name="deploy_prod",
            title="Check, plan, deploy and verify the production environment",
            parameters=DeployProdParameters,
            deploys=True,
        ),
        Runbook(
            name="docdb_failover",
            title="Make another instance the database's writer, measure it, and fail back",
            parameters=DocdbFailoverParameters,
        ),
        Runbook(
            name="az_evacuation",
            title="Take traffic and the database's writer out of an availability zone, measure it, and come back",
            parameters=AzEvacuationParameters,
        ),
        Runbook(
            name="release",
            title="Deploy a new image blue/green without losing a request, and sync the static site",
            parameters=ReleaseParameters,
            cell_timeout=4 * 3600,
        ),
        Runbook(
            name="rollback",
            title="Bring all traffic back to the previous revision, or to a named one",
            parameters=RollbackParameters,
            cell_timeout=4 * 3600,
        ),
        Runbook(
            name="nat_outage",
            title="Lead a zone's way out through another zone's NAT gateway, look at it, and come back",
            parameters=NatOutageParameters,
        ),
        Runbook(
            name="docdb_restore",
            title="Restore the database to a point in time as a new cluster, compare the data, and tear it down",
            parameters=DocdbRestoreParameters,
            cell_timeout=8 * 3600,
        ),
        Runbook(
            name="rotate_docdb_password",
            title="Give the database a new password: secret, cluster, tasks; and see the old one refused",
            parameters=RotateDocdbPasswordParameters,
        ),
        Runbook(
            name="certificate_expiry",
            title="See how long every certificate holds, and whether it will be renewed; changes nothing",
            parameters=CertificateExpiryParameters,
        ),
        Runbook(
            name="drift_check",
            title="Tell what differs between AWS and the declared state; changes neither",
            parameters=DriftCheckParameters,
        ),
    )
}
"""By name. One that is tested alone adds itself here."""


def find_runbook(name: str) -> Runbook:
    """Return a runbook by name.

    Raises:
        InvalidInputError: there is none of that name.
    """
    if name not in RUNBOOKS:
        near = get_close_matches(name, RUNBOOKS, n=1)
        raise InvalidInputError(
            "There is no such runbook",
            [f"{name!r} is unknown." + (f" Did you mean {near[0]}?" if near else "")],
            hint="`prod-infra runbook list` shows them all",
        )
    return RUNBOOKS[name]
