"""Typed parameters of a runbook, checked before any kernel starts; every fault at once."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from prod_infra import settings_text
from prod_infra.errors import InvalidInputError, ProdInfraError
from prod_infra.settings import Settings

MOST_MINUTES: Final = 72 * 60
"""That a zonal shift may last: https://docs.aws.amazon.com/arc-zonal-shift/latest/api/API_StartZonalShift.html."""


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


class DrillParameters(Parameters):
    """What every runbook takes; its own parameters come after these."""

    target: Literal["local", "aws"] = Field("local", description="`local` is the embedded AWS of this machine.")
    stack: str = Field("prod", pattern=r"^[A-Za-z0-9_.-]{1,100}$", description="Which Pulumi.<stack>.yaml.")
    endpoint: str = Field("", description="Of a running local AWS; the one left running here, or a new one, if empty.")
    settings: dict[str, Any] = Field({}, description="Settings that differ from the project's, by name.")
    dry_run: bool | None = Field(
        None,
        validate_default=True,
        description="Look and plan, print the exact calls, change nothing; if left out, true on aws, false on local.",
    )
    approve: str = Field(
        "",
        pattern=r"^(ask|[0-9a-f]{64})?$",
        description="Digest of the plan that is approved, or `ask`; empty approves on local and asks on aws.",
    )

    @field_validator("endpoint")
    @classmethod
    def _of_local(cls, value: str, info: ValidationInfo) -> str:
        """A real account is not at an address."""
        if value and info.data.get("target") == "aws":
            raise ValueError("it is for target local, and target is aws")
        return value

    @field_validator("dry_run")
    @classmethod
    def _dry_on_aws(cls, value: Any, info: ValidationInfo) -> Any:
        """Nothing is changed in a real account unless somebody says so."""
        return info.data.get("target") == "aws" if value is None else value


class ProbedParameters(DrillParameters):
    """What every drill takes that probes while it acts (`runbooks.probes.probing`)."""

    probe_write: str = Field(
        "/api/probe", pattern=r"^(/\S*)?$", description="Path to POST numbered writes to; empty: RPO is not measured."
    )
    probe_read: str = Field("/api/version", pattern=r"^(/\S*)?$", description="Path to GET; empty sends no reads.")
    probe_interval: float = Field(0.1, ge=0.02, le=60, description="Seconds between two requests of a kind.")
    probe_timeout: float = Field(2.0, gt=0, le=60, description="Seconds after which a request counts as lost.")
    rto_objective_seconds: float = Field(120.0, ge=0, description="Longest time without a success that is allowed.")
    rpo_objective: int = Field(0, ge=0, description="Acknowledged writes that may be lost.")


class DocdbFailoverParameters(ProbedParameters):
    """Parameters of `docdb_failover`."""

    instance: str = Field("", description="That is to be the writer; empty for a replica in another zone.")
    failover_timeout: float = Field(600.0, gt=0, le=3600, description="Seconds that the failover may take.")
    fail_back: bool = Field(default=True, description="End with the former writer; else the new one stays.")


class AzEvacuationParameters(ProbedParameters):
    """Parameters of `az_evacuation`."""

    zone: str = Field("", description="Name or ID of the availability zone; empty for that of the database's writer.")
    expires_in: str = Field(
        "1h", pattern=r"^\d{1,4}[mh]$", description="1m to 72h; the zonal shift then ends by itself, whatever happens."
    )
    settle_timeout: float = Field(600.0, gt=0, le=3600, description="Seconds that each step may take.")
    come_back: bool = Field(default=True, description="End with the zone in use again; else it stays evacuated.")
    zone_is_ill: bool = Field(
        default=False, description="It fails already: only what is outside of it must be well, and it stays evacuated."
    )

    @field_validator("zone_is_ill")
    @classmethod
    def _is_named(cls, value: bool, info: ValidationInfo) -> bool:  # noqa: FBT001  pydantic's signature
        """Where the writer is says nothing of which zone is ill."""
        if value and not info.data.get("zone"):
            raise ValueError("it should come with the zone's name or ID as `zone`")
        return value

    @field_validator("expires_in")
    @classmethod
    def _in_range(cls, value: str) -> str:
        """ARC takes 1 minute to 72 hours."""
        minutes = int(value[:-1]) * (60 if value.endswith("h") else 1)
        if not 1 <= minutes <= MOST_MINUTES:
            raise ValueError(f"it should be 1m to 72h, and {value} is not")
        return value


class ReleaseParameters(ProbedParameters):
    """Parameters of `release`: an image or a task definition, a site's folder, or both."""

    probe_interval: float = Field(0.04, ge=0.02, le=60, description="Seconds between two requests of a kind.")
    rto_objective_seconds: float = Field(1.0, ge=0, description="Longest time without a success that is allowed.")
    image: str = Field(
        "",
        pattern=r"^([^\s@]+@sha256:[0-9a-f]{64})?$",
        description="New image by digest, `repository@sha256:…`; all else stays as it is live.",
    )
    task_definition: str = Field(
        "",
        pattern=r"^(arn:[\w-]+:ecs:[\w-]+:\d+:task-definition/)?([\w-]+:\d+)?$",
        description="Instead of an image: a registered `family:revision`.",
    )
    expected_revision: str = Field(
        "", description="What the new version says of itself as `revision`; `family:revision` if empty."
    )
    bake_minutes: float = Field(1.0, ge=0, le=60, description="How long to watch after all traffic has moved.")
    allowed_failures: int = Field(0, ge=0, description="Lost requests of the probe; more turn the release back.")
    timeout_minutes: float = Field(45.0, gt=0, le=600, description="For each of getting ready and shifting traffic.")
    wait_for_termination: bool = Field(default=False, description="Wait until the old tasks are gone, too.")
    site_dir: str = Field("", description="Folder of the static site, to be synced; empty leaves the site alone.")
    site_delete: bool = Field(default=False, description="Delete what the folder lacks.")

    @classmethod
    def further_faults(cls, given: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with what is to be released."""
        image, named, folder = (given.get(name) for name in ("image", "task_definition", "site_dir"))
        faults = []
        if image and named:
            faults.append("image and task_definition: give one of the two.")
        if not (image or named or folder):
            faults.append("Nothing is to be released: give image, task_definition or site_dir.")
        if isinstance(folder, str) and folder and not (Path(folder) / "index.html").is_file():
            faults.append(f"site_dir: {folder} has no index.html.")
        return faults


class RollbackParameters(DrillParameters):
    """Parameters of `rollback`."""

    task_definition: str = Field(
        "",
        pattern=r"^(arn:[\w-]+:ecs:[\w-]+:\d+:task-definition/)?([\w-]+:\d+)?$",
        description="Where to, `family:revision`; what the service ran before, if empty.",
    )
    over_run: str = Field("", description="Id of the release run that holds the environment, to roll back over it.")
    timeout_minutes: float = Field(45.0, gt=0, le=600, description="For each of getting ready and shifting traffic.")


class CertificateExpiryParameters(DrillParameters):
    """Parameters of `certificate_expiry`."""

    warn_days: int = Field(45, ge=0, le=3650, description="What ends in fewer days is said; ACM's own first notice.")
    fail_days: int = Field(30, ge=0, le=3650, description="What ends in fewer days fails; no more than warn_days.")
    secret_warn_days: int = Field(90, ge=1, le=3650, description="Secrets that were not rotated for longer are said.")

    @field_validator("fail_days")
    @classmethod
    def _no_more_than_warned(cls, value: int, info: ValidationInfo) -> int:
        """Nothing may fail before it was said."""
        if value > info.data.get("warn_days", value):
            raise ValueError(f"it should be no more than warn_days, and {value} is")
        return value


class DriftCheckParameters(DrillParameters):
    """Parameters of `drift_check`: none of its own."""


class DeployProdParameters(DrillParameters):
    """Parameters of `deploy_prod`; on the command line every setting of the environment is one, too."""

    allow_replacement_of: list[str] = Field(
        [], description="On aws: URNs of resources that hold data, which may be replaced or deleted all the same."
    )

    @field_validator("allow_replacement_of", mode="before")
    @classmethod
    def _urns(cls, value: Any) -> Any:
        """Text has one or several, separated by blanks; there is no "all"."""
        found = value.split() if isinstance(value, str) else value
        if isinstance(found, list) and (odd := [one for one in found if not str(one).startswith("urn:pulumi:")]):
            raise ValueError(f"it should be URNs as the plan shows them, and {odd[0]!r} is none")
        return found

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
        from runbooks.core.environment import environment  # noqa: PLC0415

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
