"""The environment as a whole, and the program around it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import prod_infra
from prod_infra.errors import InvalidInputError, ProdInfraError
from prod_infra.production import ProductionEnvironment
from prod_infra.program import main
from prod_infra.properties import masked
from prod_infra.settings import Settings
from tests.recording import Recording, production, record, record_environment

ROOT = Path(__file__).parent.parent


def _outputs(found: Recording) -> dict[str, object]:
    return masked(found.all[0].outputs)


def test_two_environments_live_side_by_side() -> None:
    """A program may build the environment more than once: no name is fixed that is not led by the environment's."""
    found = record(lambda: [ProductionEnvironment(name, Settings(environment=name)) for name in ("prod", "drill")])
    assert len(found.all) == 2 * len(production().all) - 1
    urns = Counter(item.urn for item in found.all)
    assert max(urns.values()) == 1
    for kind in ("ecr/repository:Repository", "ecs/cluster:Cluster", "codedeploy/application:Application"):
        names = {item.inputs["name"].value for item in found.of(kind)}
        assert len(names) == 2, kind


def test_zones_are_the_regions_first_by_name() -> None:
    """Where no zones are named, the first ones are taken, as many as asked."""
    found = record_environment(availability_zone_count=3)
    zones = {item.inputs["availabilityZone"].value for item in found.of("ec2/subnet:Subnet")}
    assert zones == {"eu-central-1a", "eu-central-1b", "eu-central-1c"}


def test_a_region_with_too_few_zones_is_refused() -> None:
    """Asking for more zones than there are is an error before anything is registered."""
    with pytest.raises(InvalidInputError, match="availability_zone_count is 4, but the region has 3"):
        record_environment(availability_zone_count=4)


def test_every_setting_is_used() -> None:
    """No setting is read by nobody."""
    used: set[str] = set()

    class Watched(Settings):
        def __getattribute__(self, name: str) -> object:
            used.add(name)
            return super().__getattribute__(name)

    settings = Watched()
    used.clear()
    record(lambda: ProductionEnvironment("prod", settings))
    # It is a check on `vpc_cidr` alone.
    assert Settings.model_fields.keys() - used == {"peer_cidrs"}


def test_program_exports_what_people_look_for() -> None:
    """The stack's outputs say where everything is."""
    outputs = _outputs(record(main, domain_name="shop.example.com", hosted_zone_name="example.com"))
    assert outputs["siteUrl"] == "https://shop.example.com"
    assert {"distributionId", "albDnsName", "clusterName", "serviceName", "docdbSecretArn"} <= outputs.keys()


def test_program_refuses_wrong_configuration_before_it_registers() -> None:
    """Every fault of the configuration comes in one error."""
    with pytest.raises(ProdInfraError) as caught:
        record(main, domain_nam="x.example.com", instance_count="two")
    assert "Did you mean domain_name?" in str(caught.value)
    assert "instance_count must be a whole number" in str(caught.value)


def test_no_secret_is_exported() -> None:
    """Outputs may be shown to anyone."""
    assert "[secret]" not in str(_outputs(record(main)))


def test_public_names() -> None:
    """`from prod_infra import ProductionEnvironment, Settings` is the whole interface."""
    assert prod_infra.ProductionEnvironment is ProductionEnvironment
    assert prod_infra.Settings is Settings
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = prod_infra.nothing


def test_real_cli_finds_the_program() -> None:
    """`Pulumi.yaml` names the project that the program reads its configuration from."""
    assert "name: prod-infra\n" in (ROOT / "Pulumi.yaml").read_text()
    assert "prod-infra:domain_name:" in (ROOT / "Pulumi.prod.yaml").read_text()
    assert "main()" in (ROOT / "__main__.py").read_text()
