"""The drill `az_evacuation` on a deployed local AWS: nobody is served from the zone, and then all is as it was."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

from prod_infra.errors import InvalidInputError, RunbookError
from runbooks.actions.evacuation import checks_outside, find_evacuation
from runbooks.az_evacuation import ANSWERS, COMMENT, shift_back
from runbooks.catalog import find_runbook
from runbooks.core.steady_state import checks, healthy_targets
from runbooks.docdb_failover import fail_back
from runbooks.probes.samples import Sample, read_probe
from runbooks.records.record import Record, Verdict
from tests.runbooks.rehearsed import SETTINGS, Rehearsed, eventually, failure

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes in /proc")


@pytest.fixture(scope="module")
def shared(rehearsed: Rehearsed) -> Rehearsed:
    """The environment that modules share: each test leaves it as it was."""
    return rehearsed


@pytest.fixture
def env(shared: Rehearsed) -> Iterator[Rehearsed]:
    """The environment, with short failovers, which has to be after a test as it was before."""
    shared.fault("failover", seconds=0.5)
    before = shared.seen()
    yield shared
    shared.target.server.admin("DELETE", "/faults")
    assert shared.seen() == before


def _zone_ids(env: Rehearsed) -> dict[str, str]:
    zones = env.clients("ec2").describe_availability_zones()["AvailabilityZones"]
    return {zone["ZoneName"]: zone["ZoneId"] for zone in zones}


def _writer_zone(env: Rehearsed) -> str:
    writer, instances = env.writer(), env.deployed.database_instances
    return str(next(each["AvailabilityZone"] for each in instances if each["DBInstanceIdentifier"] == writer))


def _other_zone(env: Rehearsed) -> str:
    used = {zone["ZoneName"] for zone in env.deployed.load_balancer["AvailabilityZones"]}
    return str(min(used - {_writer_zone(env)}))


def _samples(env: Rehearsed, record: Record) -> list[Sample]:
    return list(read_probe(env.directory / "records" / record.id / "probe.jsonl").samples)


def test_zone_of_the_writer_is_evacuated(env: Rehearsed) -> None:
    """Traffic, capacity and writer leave and come back; the writes lost meanwhile are counted, and no read is lost."""
    zone = _writer_zone(env)
    record = env.run("az_evacuation")
    assert record.verdict is Verdict.SUCCEEDED, env.shown
    assert record.plan is not None
    operations = [call.operation for step in record.plan.steps for call in step.calls]
    assert operations == ["register_scalable_target", "update_service", "start_zonal_shift", "failover_db_cluster"]
    assert record.plan.steps[1].calls[0].parameters["awayFrom"] == _zone_ids(env)[zone]
    assert record.measured is not None
    assert record.measured.failed.get("read", 0) == 0
    assert record.measured.failed["write"] == sum(window.failed for window in record.measured.windows)
    assert record.measured.rpo == 0
    answered = [sample.az for sample in _samples(env, record) if sample.az]
    assert max(len(list(run)) for served, run in groupby(answered, zone.__eq__) if not served) >= ANSWERS
    assert zone in answered[-30:], "the zone serves again"
    assert env.lock_is_free()


def test_zone_without_the_writer_costs_no_request(env: Rehearsed) -> None:
    """A zone that is named by its ID is left alone for as long as wanted, by no request lost, and undone later."""
    zone, tasks = _other_zone(env), env.seen()["tasks"][0]
    record = env.run("az_evacuation", zone=_zone_ids(env)[zone], expires_in="90m", come_back="false")
    assert record.verdict is Verdict.SUCCEEDED, env.shown
    assert record.measured is not None
    assert record.measured.failed == {}
    assert {sample.az for sample in _samples(env, record)[-20:]} == {_writer_zone(env)}
    seen = env.seen()
    assert seen["weights"][_zone_ids(env)[zone]] == 0
    assert seen["tasks"] == (2 * tasks, 2 * tasks)
    with pytest.raises(RunbookError, match="traffic is shifted away from euc1-az"):
        find_evacuation(env.aws, env.deployed, zone)
    assert len(env.undo(record)) == 2
    assert env.undo(record) == []


def test_dry_run_changes_nothing(env: Rehearsed) -> None:
    """A dry run shows the calls, with the zone's ID, and makes none."""
    record = env.run("az_evacuation", dry_run=True)
    assert record.verdict is Verdict.SUCCEEDED, env.shown
    assert f"awayFrom='{_zone_ids(env)[_writer_zone(env)]}', expiresIn='1h'" in env.shown
    assert record.measured is None


def test_refused_shift_takes_the_tasks_back(env: Rehearsed) -> None:
    """Where no zonal shift can be started, the tasks are as many as before, with the former bounds of scaling."""
    env.fault("error", service="arc-zonal-shift", operation="StartZonalShift", code="AccessDeniedException", status=403)
    record = env.run("az_evacuation")
    assert "AccessDeniedException" in failure(record)
    assert [(undone.action, undone.done) for undone in record.undo] == [
        ("az_evacuation.shift_back", True),
        ("az_evacuation.take_tasks_away", True),
    ]


def test_tasks_that_do_not_start_end_the_run(env: Rehearsed) -> None:
    """Tasks that hang end the wait in time, before any traffic has moved."""
    env.fault("stuck", what="task")
    ending = env.end_faults_when_undoing()
    record = env.run("az_evacuation", settle_timeout=2)
    ending.join()
    assert "healthy tasks outside" in failure(record)
    assert [undone.action for undone in record.undo] == ["az_evacuation.take_tasks_away"]


def test_killed_kernel_is_taken_back(env: Rehearsed) -> None:
    """Kill -9 of the kernel while the writer moves: writer, traffic and tasks come back, newest first."""
    env.fault("failover", seconds=2.0)
    steps = 3
    record = env.kill_kernel(
        "az_evacuation", lambda journal: sum(entry["event"] == "begin" for entry in journal) == steps
    )
    assert "DeadKernelError" in failure(record)
    assert [undone.action.partition(".")[2] for undone in record.undo] == ["fail_back", "shift_back", "take_tasks_away"]
    assert all(undone.done for undone in record.undo)
    assert env.undo(record) == []


def test_shift_of_somebody_else_is_left_alone(env: Rehearsed) -> None:
    """An undo ends our own shifts only, and finds an ended one harmless."""
    arc, balancer = env.clients("arc-zonal-shift"), env.deployed.load_balancer["LoadBalancerArn"]
    zone_id = _zone_ids(env)[_writer_zone(env)]
    given = {"resourceIdentifier": balancer, "awayFrom": zone_id, "expiresIn": "1h"}
    shift = arc.start_zonal_shift(**given, comment="theirs")["zonalShiftId"]
    assert shift_back(env.aws, balancer=balancer, zone_id=zone_id).startswith("no traffic was shifted")
    arc.cancel_zonal_shift(zonalShiftId=shift)
    arc.start_zonal_shift(**given, comment=COMMENT)
    assert shift_back(env.aws, balancer=balancer, zone_id=zone_id) == f"traffic goes to {zone_id} again"
    assert shift_back(env.aws, balancer=balancer, zone_id=zone_id).startswith("no traffic was shifted")


def test_what_cannot_be_evacuated_is_refused(env: Rehearsed) -> None:
    """An unknown zone, a load balancer without zonal shift and a database without a replica are named at once."""
    with pytest.raises(RunbookError, match="eu-central-1c can't be evacuated: the load balancer is in eu-central-1a, "):
        find_evacuation(env.aws, env.deployed, "eu-central-1c")
    elbv2, balancer = env.clients("elbv2"), env.deployed.load_balancer["LoadBalancerArn"]

    def enable(value: str) -> None:
        attribute = {"Key": "zonal_shift.config.enabled", "Value": value}
        elbv2.modify_load_balancer_attributes(LoadBalancerArn=balancer, Attributes=[attribute])

    enable("false")
    env.fault("unhealthy-replica")
    try:
        with pytest.raises(RunbookError, match=r"zonal_shift.config.enabled is not true; prod-docdb can't fail over"):
            find_evacuation(env.aws, env.deployed, "")
    finally:
        enable("true")


def test_lost_zone_is_left_when_it_matters(env: Rehearsed) -> None:
    """While the zone is lost, only what is outside of it must be well; then customers are served, and writes go on."""
    zone, writer = _writer_zone(env), env.writer()
    env.fault("lost-az", zone=zone)
    refused = env.run("az_evacuation", zone=zone)
    assert (refused.verdict, refused.undo) == (Verdict.FAILED, []), "as a drill it wants all to be well"
    record = env.run("az_evacuation", zone=zone, zone_is_ill="true", rto_objective_seconds=0)
    assert record.verdict is Verdict.SUCCEEDED, env.shown
    assert record.parameters["zone_is_ill"] is True
    assert record.plan is not None
    assert record.plan.steps[0].name == f"shift traffic away from {zone}", "before all else"
    assert record.measured is not None, "measured, and held against no objective"
    assert env.seen()["weights"][_zone_ids(env)[zone]] == 0
    assert env.writer() != writer
    with env.aws.front_door(SETTINGS.domain_name).client() as client:
        for sequence in range(1, 21):
            assert client.get("/api/version").json()["az"] != zone
            assert client.post("/api/probe", json={"run": "ill", "sequence": sequence}).is_success
    env.target.server.admin("DELETE", "/faults")
    assert len(env.undo(record)) == 2
    _come_back(env, writer)


def test_failed_run_out_of_an_ill_zone_brings_no_traffic_back(env: Rehearsed) -> None:
    """What has left the ill zone stays out until a person takes it back; the lock is free for the next run."""
    zone, writer = _writer_zone(env), env.writer()
    env.fault("lost-az", zone=zone)
    env.fault("error", service="ecs", operation="UpdateService", code="AccessDeniedException", status=400)
    record = env.run("az_evacuation", zone=zone, zone_is_ill="true")
    assert "UpdateService" in failure(record)
    assert record.undo == []
    assert f"prod-infra runbook undo {record.id}" in env.shown
    assert env.seen()["weights"][_zone_ids(env)[zone]] == 0
    assert env.lock_is_free()
    env.target.server.admin("DELETE", "/faults")
    assert f"traffic goes to {_zone_ids(env)[zone]} again" in env.undo(record)
    _come_back(env, writer)


def _come_back(env: Rehearsed, writer: str) -> None:
    """Make the environment what it was: AWS replaced the writer and the zone's task by itself, and leaves it so."""
    fail_back(env.aws, cluster=env.deployed.database["DBClusterIdentifier"], writer=writer)
    service, ecs = env.deployed.service, env.clients("ecs")
    [task, *_] = ecs.list_tasks(cluster=service["clusterArn"], serviceName=service["serviceName"])["taskArns"]
    ecs.stop_task(cluster=service["clusterArn"], task=task)
    eventually(lambda: all(check.passed for check in checks(env.aws, env.deployed)))


def test_ill_zone_is_no_excuse_for_the_others(env: Rehearsed) -> None:
    """Where something outside of the ill zone is not well either, nothing is moved there; the zone must be named."""
    zone, other, writer = _writer_zone(env), _other_zone(env), env.writer()
    env.fault("lost-az", zone=other)
    eventually(lambda: healthy_targets(env.deployed)[other] == 0)
    record = env.run("az_evacuation", zone=zone, zone_is_ill="true")
    assert "can't fail over" in failure(record)
    assert (record.plan, record.undo) == (None, [])
    failed = [check.name for check in checks_outside(env.aws, env.deployed, zone) if not check.passed]
    assert failed == [
        "The database's instances outside of the ill zone are available",
        "Each other availability zone has a healthy target",
    ]
    env.target.server.admin("DELETE", "/faults")
    _come_back(env, writer)
    with pytest.raises(InvalidInputError) as caught:
        env.run("az_evacuation", zone_is_ill="true")
    assert "should come with the zone's name or ID" in caught.value.faults[0]


@pytest.mark.parametrize("wrong", ["0m", "73h", "4321m", "1d", "soon"])
def test_span_of_a_shift_is_checked(wrong: str) -> None:
    """A span that ARC would refuse is refused before a kernel starts."""
    with pytest.raises(InvalidInputError, match="expires_in"):
        find_runbook("az_evacuation").validate({"expires_in": wrong})
