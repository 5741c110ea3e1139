"""Typed parameters of the drills that recover what was lost: a way out, a database's data, a password."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field, field_validator

from runbooks.parameters import DrillParameters, ProbedParameters


class NatOutageParameters(ProbedParameters):
    """Parameters of `nat_outage`."""

    zone: str = Field("", pattern=r"^[a-z0-9-]*$", description="Whose way out is moved; the first zone, if empty.")
    egress_command: str = Field(
        "", description="Command of the app's image that ends with 0 if it gets out of the VPC; empty: not checked."
    )
    come_back: bool = Field(default=True, description="End with the zone's own NAT gateway; else the other one stays.")


class DocdbRestoreParameters(DrillParameters):
    """Parameters of `docdb_restore`."""

    cluster: str = Field("", pattern=r"^([a-z](-?[a-z0-9])*)?$", max_length=58, description="Name of the new cluster.")
    restore_to: str = Field("", description="Time to restore to, ISO 8601 with its zone; empty: the latest one.")
    instances: int = Field(1, ge=1, le=16, description="How many instances the new cluster gets.")
    checksum_command: str = Field(
        "checksum", description="Command of the app's image that prints its data's sum as JSON; empty: not compared."
    )
    host_variable: str = Field("DATABASE_HOST", pattern=r"^\w+$", description="Tells the app where its database is.")
    keep_cluster: bool = Field(default=False, description="Leave the new cluster; `runbook undo` deletes it later.")
    settle_timeout: float = Field(7200.0, gt=0, description="Seconds that AWS may take to make a cluster or instance.")
    rto_objective_seconds: float = Field(7200.0, ge=0, description="From the restore to data that can be read.")
    rpo_objective_seconds: float = Field(600.0, ge=0, description="Age of the newest moment that can be restored.")

    @field_validator("restore_to")
    @classmethod
    def _has_zone(cls, value: str) -> str:
        if value and datetime.fromisoformat(value).tzinfo is None:
            raise ValueError(f"it should say its time zone, such as {value}Z for UTC")
        return value


class RotateDocdbPasswordParameters(ProbedParameters):
    """Parameters of `rotate_docdb_password`."""

    login_command: str = Field(
        "checksum", description="Command of the app's image that fails if it can't log in; empty: old one not tried."
    )
    settle_timeout: float = Field(900.0, gt=0, le=3600, description="Seconds that each step, and each task, may take.")
