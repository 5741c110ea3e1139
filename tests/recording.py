"""What a program registers, for tests that look at a component or at the whole environment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from prod_infra.deployment.engine import Program
from prod_infra.deployment.program.evaluate import register
from prod_infra.deployment.program.registration import Registration
from prod_infra.production import ProductionEnvironment
from prod_infra.properties import plain
from prod_infra.settings import Settings


@dataclass(frozen=True)
class Recording:
    """The registrations of one run, with ways to find them."""

    all: tuple[Registration, ...]

    def of(self, type_end: str) -> list[Registration]:
        """Return the registrations of a type, such as `ec2/subnet:Subnet` or `Nat`."""
        return [found for found in self.all if found.type.endswith((f":{type_end}", f"/{type_end}"))]

    def inputs(self, type_end: str, name_end: str = "") -> dict[str, Any]:
        """Return the plain inputs of the one registration of a type whose name ends so."""
        found = [item for item in self.of(type_end) if item.name.endswith(name_end)]
        assert len(found) == 1, [item.name for item in found]
        return plain(found[0].inputs)

    def named(self, type_end: str, name_end: str = "") -> Registration:
        """Return the one registration of a type whose name ends so."""
        found = [item for item in self.of(type_end) if item.name.endswith(name_end)]
        assert len(found) == 1, [item.name for item in found]
        return found[0]

    def targets(self, registration: Registration, key: str) -> list[str]:
        """Return the names of the resources from which an input takes its value."""
        urns = registration.property_dependencies.get(key, ())
        return [urn.split("::", 3)[3] for urn in urns]


def record(main: Callable[[], object], **config: str) -> Recording:
    """Run a program and return what it registers; keys of `config` are settings."""

    def run() -> None:
        main()

    stack_config = {"aws:region": "eu-central-1", **{f"prod-infra:{key}": value for key, value in config.items()}}
    return Recording(register(Program(project="prod-infra", stack="test", main=run, config=stack_config)))


def record_environment(**settings: Any) -> Recording:
    """Return what the whole environment registers with some settings."""
    return record(lambda: ProductionEnvironment("prod", Settings(**settings)))


@cache
def production() -> Recording:
    """Return what production's defaults register."""
    return record_environment()
