"""Typed parameters of a runbook, checked before any kernel starts; every fault at once."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prod_infra import settings_text
from prod_infra.errors import InvalidInputError, ProdInfraError
from prod_infra.settings import Settings


class Parameters(BaseModel):
    """What every runbook's model is made of. Values may be text, as `-p name=value` gives them.

    A number is never taken for text: papermill's own `-p` makes 12345678901 of account 012345678901.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=False)

    @classmethod
    def of_assignments(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters that `-p name=value` means; a runbook may take more names than its own."""
        return dict(given)

    @classmethod
    def names(cls) -> list[str]:
        """Return every name that `-p` accepts."""
        return list(cls.model_fields)

    @classmethod
    def further_faults(cls, given: Mapping[str, Any]) -> list[str]:
        """Return what only this runbook can find wrong, whatever else is; `given` is not checked yet."""
        del given
        return []

    @classmethod
    def check(cls, runbook: str, given: Mapping[str, Any]) -> Self:
        """Return the parameters, defaults filled in.

        Raises:
            InvalidInputError: every fault; unknown names come with the nearest one.
        """
        faults: list[str] = []
        checked: Self | None = None
        try:
            checked = cls.model_validate(dict(given))
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
            faults = [cls._fault(runbook, dict(detail)) for detail in details]
        faults += cls.further_faults(given)
        if faults or checked is None:
            raise InvalidInputError(
                f"The parameters of {runbook} can't be right",
                faults,
                hint="nothing has happened; mend them and run again",
            )
        return checked

    @classmethod
    def _fault(cls, runbook: str, detail: dict[str, Any]) -> str:
        name = ".".join(str(part) for part in detail["loc"])
        if detail["type"] == "extra_forbidden":
            near = get_close_matches(name, cls.names(), n=1)
            return f"{name} is no parameter of {runbook}." + (f" Did you mean {near[0]}?" if near else "")
        return f"{name}: {str(detail['msg']).replace('Input should', 'it should')}."


class DeployProdParameters(Parameters):
    """Parameters of `deploy_prod`; on the command line every setting of the environment is one, too."""

    target: Literal["local", "aws"] = Field("local", description="`local` is the embedded AWS of this machine.")
    stack: str = Field("prod", pattern=r"^[A-Za-z0-9_.-]{1,100}$", description="Which Pulumi.<stack>.yaml.")
    endpoint: str = Field("", description="Of a running local AWS; the one left running here, or a new one, if empty.")
    settings: dict[str, Any] = Field({}, description="Settings that differ from the project's, by name.")
    dry_run: bool = Field(default=False, description="Check and plan, change nothing.")

    @classmethod
    def of_assignments(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters; `instance_count=3` becomes `settings={"instance_count": 3}`."""
        own = {name: value for name, value in given.items() if name not in cls._setting_names()}
        settings = {
            name: settings_text.parse(value, Settings.model_fields[name].annotation)
            if isinstance(value, str)
            else value
            for name, value in given.items()
            if name in cls._setting_names()
        }
        return {**own, "settings": {**own.get("settings", {}), **settings}} if settings else own

    @classmethod
    def names(cls) -> list[str]:
        """Return the runbook's own names and those of the settings."""
        return [*cls.model_fields, *cls._setting_names()]

    @classmethod
    def further_faults(cls, given: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with the settings, seen together with the project's own."""
        # Only now: reading the project loads all of the program.
        from runbooks.deploy_prod import environment  # noqa: PLC0415

        stack, settings = given.get("stack", "prod"), given.get("settings", {})
        if not isinstance(stack, str) or not isinstance(settings, Mapping):
            return []
        try:
            environment(Path(), stack, settings)
        except InvalidInputError as error:
            return list(error.faults)
        except ProdInfraError as error:
            return [error.message]
        return []

    @classmethod
    def _setting_names(cls) -> list[str]:
        return [name for name in Settings.model_fields if name not in cls.model_fields]
