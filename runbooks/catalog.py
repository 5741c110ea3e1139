"""Every runbook: name, what it does, its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from prod_infra.errors import InvalidInputError
from runbooks.parameters import DeployProdParameters, Parameters


@dataclass(frozen=True, kw_only=True)
class Runbook:
    """One runbook: `notebooks/<name>.ipynb`, whose cells call `runbooks.<name>`.

    Attributes:
        name: such as `deploy_prod`.
        title: one line for people.
        parameters: their model; the notebook's parameters cell has the same names and defaults.
        cell_timeout: seconds that one cell may take.
    """

    name: str
    title: str
    parameters: type[Parameters]
    cell_timeout: int

    @property
    def notebook(self) -> Path:
        """The notebook's file, in the source tree or in the installed wheel."""
        return Path(str(files("notebooks") / f"{self.name}.ipynb"))

    def validate(self, given: Mapping[str, Any]) -> Parameters:
        """Return the typed parameters.

        Raises:
            InvalidInputError: every fault at once.
        """
        return self.parameters.check(self.name, given)


RUNBOOKS: Final[Mapping[str, Runbook]] = {
    runbook.name: runbook
    for runbook in (
        Runbook(
            name="deploy_prod",
            title="Check, plan, deploy and verify the production environment",
            parameters=DeployProdParameters,
            cell_timeout=3600,
        ),
    )
}


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
