"""What an availability zone holds of an environment, and whether it can be evacuated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from prod_infra.errors import RunbookError
from runbooks.core import steady_state
from runbooks.core.aws import Aws
from runbooks.core.waiting import wait
from runbooks.docdb_failover import find_failover
from runbooks.verify import Check, Deployed
from runbooks.verify.check import CheckFunction, Findings, run_check

DIMENSION: Final = "ecs:service:DesiredCount"
BACK_SECONDS: Final = 600.0
"""For which an undo waits until the tasks are as many as before."""


@dataclass(frozen=True, kw_only=True)
class Evacuation:
    """What is to be evacuated, as it was when the run began; all JSON.

    Attributes:
        zone: name, such as `eu-central-1a`.
        zone_id: which is the same zone in every account, such as `euc1-az2`; zonal shifts take only it.
        balancer: ARN of the load balancer.
        cluster: of the service.
        service: name.
        tasks: that the service had.
        raised: tasks with which the other zones have as many as all had, if they are spread evenly.
        capacity: least and most tasks that scaling keeps; None where the service does not scale.
        failover: `cluster`, `writer`, `target`; None where the writer is in another zone.
        ill: the zone's database instances, where the zone is ill.
    """

    zone: str
    zone_id: str
    balancer: str
    cluster: str
    service: str
    tasks: int
    raised: int
    capacity: tuple[int, int] | None
    failover: dict[str, str] | None
    ill: Sequence[str] = ()


def scalable_target(aws: Aws, cluster: str, service: str) -> tuple[int, int] | None:
    """Return the least and most tasks that Application Auto Scaling keeps; None where the service does not scale."""
    found = aws("application-autoscaling").describe_scalable_targets(
        ServiceNamespace="ecs", ResourceIds=[f"service/{cluster}/{service}"], ScalableDimension=DIMENSION
    )["ScalableTargets"]
    return (found[0]["MinCapacity"], found[0]["MaxCapacity"]) if found else None


def ecs_service(aws: Aws, cluster: str, service: str) -> dict[str, Any]:
    """Return the service as ECS describes it."""
    return dict(aws("ecs").describe_services(cluster=cluster, services=[service])["services"][0])


def find_evacuation(aws: Aws, env: Deployed, wish: str, *, ill: bool = False) -> dict[str, Any]:
    """Return the `Evacuation` of a zone as JSON.

    Args:
        aws: the target.
        env: not asked before.
        wish: name or ID of a zone; empty for that of the database's writer.
        ill: whether it fails already; AWS may be replacing its writer just now then.

    Raises:
        RunbookError: it can't be evacuated; it names every reason.
    """
    balancer = env.load_balancer["LoadBalancerArn"]
    used = sorted(zone["ZoneName"] for zone in env.load_balancer["AvailabilityZones"])
    ids = {each["ZoneName"]: each["ZoneId"] for each in aws("ec2").describe_availability_zones()["AvailabilityZones"]}
    at = {each["DBInstanceIdentifier"]: each["AvailabilityZone"] for each in env.database_instances}
    writers = [each["DBInstanceIdentifier"] for each in env.database["DBClusterMembers"] if each["IsClusterWriter"]]
    writer_zone = at.get(writers[0], "") if writers else ""
    zone = next((name for name, known in ids.items() if wish in (name, known)), wish) if wish else writer_zone
    if zone not in used:
        raise _refused(zone or "no zone", [f"the load balancer is in {', '.join(used)}"])
    faults = [] if len(used) > 1 else ["it is the load balancer's only zone"]
    faults += _shift_faults(aws, balancer)
    failover = None
    try:
        moves = writer_zone == zone or (not writers and not ill)
        failover = find_failover(env, away_from=zone, ill=ill) if moves else None
    except RunbookError as error:
        faults.append(error.message.rstrip("."))
    if faults:
        raise _refused(zone, faults)
    tasks = env.service["desiredCount"]
    cluster, service = env.service["clusterArn"].rpartition("/")[2], env.service["serviceName"]
    return asdict(
        Evacuation(
            zone=zone,
            zone_id=ids[zone],
            balancer=balancer,
            cluster=cluster,
            service=service,
            tasks=tasks,
            raised=math.ceil(tasks * len(used) / (len(used) - 1)),
            capacity=scalable_target(aws, cluster, service),
            failover=failover,
            ill=sorted(name for name, where in at.items() if where == zone) if ill else [],
        )
    )


def _shift_faults(aws: Aws, balancer: str) -> list[str]:
    """Return why no zonal shift can be started; one at a time is AWS's limit for a resource."""
    attributes = aws("elbv2").describe_load_balancer_attributes(LoadBalancerArn=balancer)["Attributes"]
    if {each["Key"]: each["Value"] for each in attributes}.get("zonal_shift.config.enabled") != "true":
        return ["the load balancer's zonal_shift.config.enabled is not true"]
    running = aws("arc-zonal-shift").get_managed_resource(resourceIdentifier=balancer)
    return [
        f"traffic is shifted away from {each['awayFrom']} already, until {each['expiryTime']:%F %T %Z}"
        for each in running["zonalShifts"]
    ] + [f"AWS has shifted traffic away from {each['awayFrom']}" for each in running.get("autoshifts", ())]


def _refused(zone: str, faults: list[str]) -> RunbookError:
    return RunbookError(f"{zone} can't be evacuated: {'; '.join(faults)}.", hint="nothing was changed; mend that")


def checks_outside(aws: Aws, env: Deployed, zone: str) -> list[Check]:
    """Look whether all is well but for an ill zone; what such a zone may spoil for all is only told.

    Args:
        aws: the target.
        env: the environment, not asked before.
        zone: name of the ill one.
    """

    def alarms_are_told(env: Deployed, see: Findings) -> None:
        """Alarms are told: an ill zone may be their cause."""
        alarms = env.alarms(env.settings.region)
        see.saw(", ".join(each["AlarmName"] for each in alarms if each["StateValue"] == "ALARM") or "none fires")

    def database_serves(env: Deployed, see: Findings) -> None:
        """The database's instances outside of the ill zone are available."""
        others = [each for each in env.database_instances if each["AvailabilityZone"] != zone]
        see.require(others, f"all instances are in {zone}")
        for each in others:
            see.equal(each["DBInstanceIdentifier"], each["DBInstanceStatus"], "available")

    def targets_are_healthy(env: Deployed, see: Findings) -> None:
        """Each other availability zone has a healthy target."""
        healthy = steady_state.healthy_targets(env)
        for other in sorted({each["ZoneName"] for each in env.load_balancer["AvailabilityZones"]} - {zone}):
            see.require(healthy[other], f"{other} has no healthy target")
            see.saw(f"{other} {healthy[other]}")

    def front_door_is_told(env: Deployed, see: Findings) -> None:
        """What site and API answer is told: an ill zone may be why they fail."""
        found = Findings()
        steady_state.front_door_answers(aws)(env, found)
        see.saw("; ".join(found.faults or found.seen))

    every: Sequence[tuple[str, CheckFunction]] = (
        ("operations", alarms_are_told),
        ("data", database_serves),
        ("compute", targets_are_healthy),
        ("compute", steady_state.nothing_is_deployed),
        ("edge", front_door_is_told),
    )
    return [run_check(group, function, env) for group, function in every]


def weight_is(aws: Aws, what: Evacuation, wanted: float) -> CheckFunction:
    """Return the check of the weight with which the load balancer sends requests to the zone."""

    def check(env: Deployed, see: Findings) -> None:
        """The load balancer's weight of the zone is as it should be."""
        del env
        found = aws("arc-zonal-shift").get_managed_resource(resourceIdentifier=what.balancer)["appliedWeights"]
        see.equal(f"weight of {what.zone_id}", found[what.zone_id], wanted)

    return check


def others_carry(what: Evacuation) -> CheckFunction:
    """Return the check that the other zones can do without the zone."""

    def check(env: Deployed, see: Findings) -> None:
        """The other zones have as many healthy tasks as all had."""
        healthy = steady_state.healthy_targets(env)
        others = sum(count for zone, count in healthy.items() if zone != what.zone)
        see.require(others >= what.tasks, f"{others} healthy tasks outside {what.zone}, of {what.tasks} before")
        see.saw(", ".join(f"{zone} {count}" for zone, count in sorted(healthy.items())))

    return check


def take_tasks_away(
    aws: Aws, *, cluster: str, service: str, tasks: int, raised: int, capacity: Sequence[int] | None
) -> str:
    """Give scaling its former bounds, and the service its former number of tasks unless that was changed since."""
    if capacity is not None and scalable_target(aws, cluster, service) != tuple(capacity):
        aws("application-autoscaling").register_scalable_target(
            ServiceNamespace="ecs",
            ResourceId=f"service/{cluster}/{service}",
            ScalableDimension=DIMENSION,
            MinCapacity=capacity[0],
            MaxCapacity=capacity[1],
        )
    wanted = ecs_service(aws, cluster, service)["desiredCount"]
    # Another number is of scaling's or of somebody else's making, and may be needed.
    if wanted == raised:
        aws("ecs").update_service(cluster=cluster, service=service, desiredCount=tasks)

    def complete() -> dict[str, Any] | None:
        now = ecs_service(aws, cluster, service)
        return now if now["runningCount"] == now["desiredCount"] and not now["pendingCount"] else None

    now = wait(f"{service} to be complete", complete, timeout=BACK_SECONDS, poll=aws.poll_seconds)
    return f"{service} has {now['runningCount']} tasks; there were {wanted}"
