"""What a program registers, learnt without a state, credentials or a network."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections.abc import Callable
from pathlib import Path

import pulumi
import pulumi_aws as aws
import pytest

from prod_infra.deployment.engine import Program
from prod_infra.deployment.program.evaluate import register
from prod_infra.deployment.program.offline import NAMED
from prod_infra.deployment.program.registration import Registration
from prod_infra.errors import InvalidInputError, ProdInfraError
from prod_infra.local_aws.provider.registry import AWS_HANDLERS
from prod_infra.properties import masked, plain
from tests.deployment.memory_cloud import Group, Thing


def program() -> None:
    """One of each: component, child, dependency, secret, options, export."""
    group = Group("group")
    first = Thing("a", {"value": 1}, pulumi.ResourceOptions(parent=group, protect=True))
    options = pulumi.ResourceOptions(
        depends_on=[first],
        ignore_changes=["value"],
        replace_on_changes=["fixed"],
        delete_before_replace=True,
        retain_on_delete=True,
        additional_secret_outputs=["arn"],
        aliases=[pulumi.Alias(name="before")],
    )
    Thing("b", {"of": first.arn, "secret": pulumi.Output.secret("hunter2!"), "list": [1, None, {"x": True}]}, options)
    pulumi.export("arn", first.arn)
    pulumi.export("size", pulumi.Config().require_int("size"))


def found(main: Callable[[], object] = program) -> dict[str, Registration]:
    """What a program registers, by name."""

    def run() -> None:
        main()

    registrations = register(Program(project="p", stack="s", main=run, config={"p:size": "3"}))
    return {registration.name: registration for registration in registrations}


def test_everything_about_a_registration_is_there() -> None:
    """URN, inputs with unknowns and secrets, dependencies by property, options and source."""
    a, b = found()["a"], found()["b"]
    assert a.urn == "urn:pulumi:s::p::memory:index:Group$memory:index:Thing::a"
    assert (a.protect, a.custom, a.parent) == (True, True, "urn:pulumi:s::p::memory:index:Group::group")
    assert masked(b.inputs) == {"of": "[unknown]", "secret": "[secret]", "list": [1, None, {"x": True}]}
    assert b.dependencies == (a.urn,)
    assert b.property_dependencies["of"] == (a.urn,)
    assert (b.ignore_changes, b.replace_on_changes, b.delete_before_replace) == (("value",), ("fixed",), True)
    assert (b.retain_on_delete, b.additional_secret_outputs) == (True, ("arn",))
    assert b.aliases == ("urn:pulumi:s::p::memory:index:Thing::before",)
    name, line = b.source.rsplit(":", 1)
    assert 'Thing("b"' in Path(name).read_text().splitlines()[int(line) - 1]


def test_the_stack_comes_first_and_carries_the_exports() -> None:
    """Exports that depend on what AWS decides are unknown."""
    first = next(iter(found().values()))
    assert first.type == "pulumi:pulumi:Stack"
    assert masked(first.outputs) == {"arn": "[unknown]", "size": 3}


def test_a_program_can_be_evaluated_again_and_again_from_anywhere() -> None:
    """In one process, from a thread, and from inside a running event loop, always with the same result."""
    expected = [(r.urn, masked(r.inputs)) for r in found().values()]
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append([(r.urn, masked(r.inputs)) for r in found().values()]))
    thread.start()
    thread.join()

    async def inside() -> None:
        results.append([(r.urn, masked(r.inputs)) for r in found().values()])

    asyncio.run(inside())
    assert results == [expected, expected]


def test_nothing_of_a_run_is_left_behind() -> None:
    """Pulumi's settings outside are what they were."""
    before = (pulumi.get_project(), pulumi.get_stack(), pulumi.runtime.get_config("p:size"))
    found()
    assert (pulumi.get_project(), pulumi.get_stack(), pulumi.runtime.get_config("p:size")) == before


def test_the_users_errors_come_with_their_place() -> None:
    """In the program's own lines, and in an apply."""

    def in_program() -> None:
        raise KeyError("nope")

    def in_apply() -> None:
        Thing("a", {"value": 1}).urn.apply(lambda urn: 1 / len(urn[:0]))

    with pytest.raises(ProdInfraError, match=r"test_evaluate.py:\d+: KeyError: 'nope'"):
        found(in_program)
    with pytest.raises(ProdInfraError, match=r"test_evaluate.py:\d+: ZeroDivisionError"):
        found(in_apply)


def test_errors_of_this_library_come_as_they_are() -> None:
    """Such as settings that can't be right: nothing may hide their faults."""

    def main() -> None:
        raise InvalidInputError("These settings can't be right", ["one", "two"])

    with pytest.raises(InvalidInputError) as error:
        found(main)
    assert error.value.faults == ("one", "two")


def test_sys_exit_is_no_success() -> None:
    """A program that leaves early has not said all it wants."""

    def main() -> None:
        raise SystemExit(0)

    with pytest.raises(ProdInfraError, match=r"called sys.exit\(0\)"):
        found(main)


def test_two_resources_of_one_name_are_refused() -> None:
    """The error names both type and name."""

    def main() -> None:
        Thing("a")
        Thing("a")

    with pytest.raises(InvalidInputError, match="'a' is registered twice"):
        found(main)


def test_what_the_program_says_goes_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """pulumi.info and its like; the SDK's own debug messages stay out."""
    caplog.set_level(logging.DEBUG, "prod_infra.program")
    found(lambda: pulumi.warn("mind the gap"))
    assert [(record.levelname, record.message) for record in caplog.records] == [("WARNING", "mind the gap")]


def test_lookups_are_answered_offline() -> None:
    """Zones with their IDs, the account, the hosted zone: well-formed and the same each time."""

    def main() -> None:
        zones = aws.get_availability_zones(state="available")
        pulumi.export("zones", [zones.names[0], zones.zone_ids[0]])
        pulumi.export("american", aws.get_availability_zones(region="us-east-1").names[0])
        pulumi.export("account", aws.get_caller_identity().account_id)
        pulumi.export("region", aws.get_region().region)
        pulumi.export("partition", aws.get_partition().partition)
        pulumi.export("zone", aws.route53.get_zone(name="example.com.").name)
        name = "com.amazonaws.global.cloudfront.origin-facing"
        pulumi.export("list", aws.ec2.get_managed_prefix_list_output(name=name).apply(lambda found: found.id[:3]))

    assert masked(found(main)["p-s"].outputs) == {
        "zones": ["eu-central-1a", "euc1-az2"],
        "american": "us-east-1a",
        "account": "123456789012",
        "region": "eu-central-1",
        "partition": "aws",
        "zone": "example.com",
        "list": "pl-",
    }


def test_an_unknown_lookup_names_itself_and_the_way_out() -> None:
    """Also a region whose zones are not known."""
    with pytest.raises(ProdInfraError, match=r"aws:ec2/getAmi:getAmi.*\n.*pass the value in as a setting"):
        found(lambda: aws.ec2.get_ami(most_recent=True))
    with pytest.raises(ProdInfraError, match="'mars-north-1' are not known offline"):
        found(lambda: aws.get_availability_zones(region="mars-north-1"))


def test_a_name_that_the_provider_gives_is_known_and_stable() -> None:
    """As in a preview, where pulumi-aws names what the program leaves unnamed; the input itself stays absent."""

    def main() -> None:
        bucket = aws.s3.Bucket("Site")
        aws.iam.Role("role", name="mine", assume_role_policy=bucket.bucket)

    first, again = found(main), found(main)
    name = plain(first["role"].inputs)["assumeRolePolicy"]
    assert re.fullmatch(r"site-[0-9a-f]{7}", name)
    assert plain(again["role"].inputs)["assumeRolePolicy"] == name
    assert "bucket" not in first["Site"].inputs


@pytest.mark.parametrize("token", NAMED)
def test_names_known_offline_are_made_as_the_provider_makes_them(token: str) -> None:
    """The property, the limit and the case are those of the local provider's handler."""
    assert NAMED[token] == AWS_HANDLERS[token].auto_name
