"""The drill `nat_outage` on a deployed local AWS: moved and back, kept in a real outage, refused where senseless."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runbooks.nat_outage import route_back
from runbooks.records.record import Verdict
from tests.runbooks.rehearsed import Rehearsed, failure

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes in /proc")

ZONE = "eu-central-1a"


@pytest.fixture(scope="module")
def shared(rehearsed: Rehearsed) -> Rehearsed:
    """The environment that modules share: each test leaves it as it was."""
    return rehearsed


def _routes(env: Rehearsed) -> dict[str, tuple[str, str]]:
    """Return NAT gateway and state of each private subnet's default route, by the subnet's zone."""
    found = env.deployed
    routes = {net["AvailabilityZone"]: found.default_route(name) for name, net in found.private_subnets.items()}
    return {zone: (route["NatGatewayId"], route["State"]) for zone, route in routes.items()}


def _table(env: Rehearsed) -> str:
    found = env.deployed
    subnet = next(name for name, net in found.private_subnets.items() if net["AvailabilityZone"] == ZONE)
    return str(found.route_tables[subnet]["RouteTableId"])


@pytest.fixture
def env(shared: Rehearsed) -> Iterator[Rehearsed]:
    """The environment, which has to be after a test as it was before."""
    before = shared.seen(), _routes(shared)
    yield shared
    shared.target.server.admin("DELETE", "/faults")
    assert (shared.seen(), _routes(shared)) == before


def test_way_out_moves_and_comes_back(env: Rehearsed) -> None:
    """The zone's route is moved, a task in the zone looks from inside, and it comes back; customers notice nothing."""
    record = env.run("nat_outage", egress_command="checksum")
    assert record.verdict is Verdict.SUCCEEDED, env.shown
    assert record.plan is not None
    assert [call.operation for step in record.plan.steps for call in step.calls] == ["replace_route", "run_task"]
    assert f"A task in {ZONE} gets out" in env.shown
    assert record.results["egress"] == {"checked": True, "exit_code": 0}
    assert f"{_table(env)} led back to {_routes(env)[ZONE][0]}" in env.shown
    assert record.measured is not None
    assert (record.measured.failed, record.measured.rpo) == ({}, 0)


def test_lost_gateway_is_passed_by(env: Rehearsed) -> None:
    """In a real outage the zone's blackhole becomes a route that stays until undone; without a command no egress."""
    own, other = _routes(env)[ZONE][0], _routes(env)["eu-central-1b"][0]
    env.fault("lost-nat", zone=ZONE)
    assert _routes(env)[ZONE] == (own, "blackhole")
    record = env.run("nat_outage", come_back="false")
    assert record.verdict is Verdict.SUCCEEDED, env.shown
    assert _routes(env)[ZONE] == (other, "active")
    assert record.results["egress"] == {"checked": False, "exit_code": None}, "what was not looked at is called so"
    refused = env.run("nat_outage")
    assert f"leaves through {other} in eu-central-1b already" in failure(refused)
    assert env.undo(record) == [f"{_table(env)} led back to {own}"]
    assert env.undo(record) == []
    assert route_back(env.aws, table=_table(env), nat_gateway=own) == f"{_table(env)} leads to {own}"
    assert _routes(env)[ZONE] == (own, "blackhole")


def test_dry_run_changes_nothing(env: Rehearsed) -> None:
    """A dry run shows the call and its undo."""
    record = env.run("nat_outage", dry_run=True, zone=ZONE)
    assert record.verdict is Verdict.SUCCEEDED, env.shown
    assert "ec2.replace_route(RouteTableId=" in env.shown
    assert f"undo: nat_outage.route_back(table='{_table(env)}', nat_gateway='{_routes(env)[ZONE][0]}')" in env.shown
    assert record.measured is None


def test_task_that_does_not_get_out_fails_the_drill(env: Rehearsed) -> None:
    """A command that fails inside ends the run, and the route is taken back."""
    record = env.run("nat_outage", egress_command="no-such-command")
    assert f"A task in {ZONE} gets out" in failure(record)
    assert "exit code 127 in eu-central-1a" in env.shown
    assert [undone.done for undone in record.undo] == [True, True]


def test_refused_call_leaves_the_route(env: Rehearsed) -> None:
    """A call that AWS refuses fails the run; undo finds the route where it was."""
    # No error of a server's: boto3 would try those again for half a minute.
    env.fault("error", service="ec2", operation="ReplaceRoute", code="UnauthorizedOperation", status=403)
    record = env.run("nat_outage")
    assert "UnauthorizedOperation" in failure(record)
    assert [undone.detail for undone in record.undo] == [f"{_table(env)} leads to {_routes(env)[ZONE][0]}"]


def test_killed_kernel_is_taken_back(env: Rehearsed) -> None:
    """Kill -9 while the task looks from inside: the route is back, the task stopped."""
    env.fault("stuck", what="task")
    record = env.kill_kernel(
        "nat_outage",
        lambda journal: any("look at" in entry.get("step", "") for entry in journal),
        egress_command="checksum",
    )
    assert "DeadKernelError" in failure(record)
    assert [undone.done for undone in record.undo] == [True, True]
    assert env.lock_is_free()
    env.target.server.admin("DELETE", "/faults")


def test_what_has_no_other_way_out_is_refused(env: Rehearsed) -> None:
    """A zone that is not there, and one without another zone's gateway, are refused before anything happens."""
    assert "no private subnet in eu-central-1z" in failure(env.run("nat_outage", zone="eu-central-1z"))
    env.fault("lost-nat", zone="eu-central-1b")
    record = env.run("nat_outage")
    assert f"No NAT gateway outside of {ZONE} is available" in failure(record)
    assert (record.plan, record.undo) == (None, [])
