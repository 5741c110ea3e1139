"""What holds for every component, so that a new one can't forget it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
from collections.abc import Iterator

import pulumi
import pulumi_aws as aws
import pytest

from prod_infra import compute, data, edge, network, operations
from prod_infra.component import Component
from prod_infra.deployment.program.registration import Registration
from prod_infra.edge.private_bucket import PrivateBucket
from prod_infra.production import ProductionEnvironment
from prod_infra.properties import plain
from tests.component_samples import SAMPLES
from tests.recording import Recording, record

PACKAGES = (network, edge, compute, data, operations)
MODULES = sorted(
    info.name for package in PACKAGES for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
)
for module in MODULES:
    importlib.import_module(module)

BASES = {PrivateBucket}
"""Shared by components, and none by themselves."""

NAMED_ON_PURPOSE = {
    "aws:ecr/repository:Repository",
    "aws:ecs/cluster:Cluster",
    "aws:ecs/service:Service",
    "aws:codedeploy/application:Application",
    "aws:cloudwatch/logGroup:LogGroup",
    "aws:secretsmanager/secret:Secret",
    "aws:route53/record:Record",  # its name is the domain itself
    "aws:kms/alias:Alias",  # it is a name
    "aws:sns/topic:Topic",  # people subscribe to it
    "aws:cloudwatch/logDeliverySource:LogDeliverySource",  # Pulumi's own name of it is longer than AWS takes
    "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination",
}


def _subclasses(kind: type[Component]) -> Iterator[type[Component]]:
    for child in kind.__subclasses__():
        yield child
        yield from _subclasses(child)


COMPONENTS = sorted(
    {kind for kind in _subclasses(Component) if kind.__module__.startswith("prod_infra.")} - BASES,
    key=lambda kind: kind.__name__,
)
PARTS = [kind for kind in COMPONENTS if kind is not ProductionEnvironment]


class Elsewhere(pulumi.ComponentResource):
    """A caller's own component."""

    def __init__(self) -> None:
        super().__init__("caller:index:Elsewhere", "elsewhere")


def _alone(kind: type[Component]) -> tuple[Recording, Registration]:
    """Return what a component registers under a caller's parent, and its own registration."""
    found = record(lambda: SAMPLES[kind]("alone", pulumi.ResourceOptions(parent=Elsewhere())))
    [component] = [item for item in found.all if item.type == kind.pulumi_type and item.name == "alone"]
    return found, component


def _children(found: Recording, component: Registration) -> list[Registration]:
    """Return every resource below a component."""
    below, urns = [], {component.urn}
    for item in found.all:
        if item.parent in urns:
            below.append(item)
            urns.add(item.urn)
    return below


def _accepts_tags(token: str) -> bool:
    package, _, kind = token.removeprefix("aws:").partition("/")
    resource = getattr(getattr(aws, package), kind.rpartition(":")[2])
    return "tags" in inspect.signature(resource._internal_init).parameters


def test_every_component_has_a_sample() -> None:
    """Each component can be made alone, with arguments that a user could give."""
    assert set(PARTS) == set(SAMPLES)


@pytest.mark.parametrize("kind", COMPONENTS, ids=lambda kind: kind.__name__)
def test_type_token_says_where_it_lives(kind: type[Component]) -> None:
    """A component's type token is `prod_infra:<module>:<Class>`."""
    assert kind.pulumi_type == f"prod_infra:{kind.__module__.split('.')[1]}:{kind.__name__}"


@pytest.mark.parametrize("kind", PARTS, ids=lambda kind: kind.__name__)
def test_children_stay_with_their_component(kind: type[Component]) -> None:
    """A caller who places a component moves it, and its children stay below it."""
    found, component = _alone(kind)
    # What a sample needs besides the component is named `outside`.
    ours = {item.urn for item in found.all if item.custom and not item.name.startswith("outside")}
    assert "caller:index:Elsewhere$" in component.urn
    assert ours == {item.urn for item in _children(found, component) if item.custom} != set()


@pytest.mark.parametrize("kind", PARTS, ids=lambda kind: kind.__name__)
def test_outputs_are_registered(kind: type[Component]) -> None:
    """A component tells Pulumi that it is complete, and what came out."""
    assert _alone(kind)[1].outputs


@pytest.mark.parametrize("kind", PARTS, ids=lambda kind: kind.__name__)
def test_everything_taggable_is_tagged(kind: type[Component]) -> None:
    """Whatever AWS lets carry tags says its project, environment and who manages it."""
    for item in _children(*_alone(kind)):
        if item.type.startswith("aws:") and _accepts_tags(item.type):
            tags = plain(item.inputs).get("tags", {})
            assert {"Project": "prod-infra", "Environment": "prod", "ManagedBy": "pulumi"}.items() <= tags.items(), item


@pytest.mark.parametrize("kind", PARTS, ids=lambda kind: kind.__name__)
def test_only_what_others_must_know_is_named(kind: type[Component]) -> None:
    """Names are left to the provider, which keeps them unique, unless others need to know them."""
    named = {item.type for item in _children(*_alone(kind)) if "name" in item.inputs}
    assert named <= NAMED_ON_PURPOSE


@pytest.mark.parametrize("kind", COMPONENTS, ids=lambda kind: kind.__name__)
def test_documented_outputs_exist(kind: type[Component]) -> None:
    """Every typed attribute of a component is explained in its docstring."""
    for name in vars(kind).get("__annotations__", {}):
        assert f"{name}: " in (kind.__doc__ or ""), name


def test_every_module_can_be_imported_alone() -> None:
    """Any module can be a program's first import from this library."""
    script = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    for loaded in [key for key in sys.modules if key.partition('.')[0] == 'prod_infra']:\n"
        "        del sys.modules[loaded]\n"
        "    importlib.import_module(name)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, *MODULES], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
