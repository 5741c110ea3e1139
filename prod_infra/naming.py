"""Names and tags: what every resource carries so that people and bills can tell it apart."""

from __future__ import annotations

from typing import Final

PROJECT: Final = "prod-infra"
MANAGED_BY: Final = "pulumi"


def standard_tags(environment: str, name: str | None = None) -> dict[str, str]:
    """Return the tags of a resource: Project, Environment, ManagedBy and, where AWS's console shows it, Name."""
    tags = {"Project": PROJECT, "Environment": environment, "ManagedBy": MANAGED_BY}
    return tags if name is None else {**tags, "Name": name}
