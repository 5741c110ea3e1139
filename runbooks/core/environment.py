"""What a runbook works on: the project's program, and the settings that its stack and the parameters come to."""

from __future__ import annotations

import contextvars
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import set_all_config

from prod_infra.deployment import project
from prod_infra.deployment.engine import Program
from prod_infra.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Environment:
    """What is deployed: the project's program, and the settings that its stack and the parameters come to."""

    program: Program
    settings: Settings

    @property
    def hosted_zone(self) -> str:
        """Public zone that must exist before the first deploy, as a registrar's customer has it."""
        return self.settings.hosted_zone_name or self.settings.domain_name


def _config_text(value: Any) -> str:
    """Return a setting as `pulumi config set` stores it."""
    return value if isinstance(value, str) else json.dumps(value)


def environment(directory: Path, stack: str, settings: Mapping[str, Any]) -> Environment:
    """Return the project in `directory`, or the packaged one where there is no Pulumi.yaml.

    Args:
        directory: where to look for a `Pulumi.yaml`.
        stack: which `Pulumi.<stack>.yaml`.
        settings: those that differ from the stack's, by name.

    Raises:
        InvalidInputError: the settings can't be right, every fault at once.
    """
    program = project.find(directory, stack, {name: _config_text(value) for name, value in settings.items()})

    def read() -> Settings:
        set_all_config(dict(program.config))
        return Settings.from_config(pulumi.Config("prod-infra"))

    # Pulumi keeps configuration in context variables; this reading must leave none behind.
    return Environment(program=program, settings=contextvars.Context().run(read))
