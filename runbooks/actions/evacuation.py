"""What an availability zone holds of an environment, and whether it can be evacuated."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Final

from prod_infra.errors import RunbookError
from runbooks.core.aws import Aws
from runbooks.docdb_failover import find_failover
from runbooks.verify import Deployed

DIMENSION: Final = "ecs:service:DesiredCount"


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


def scalable_target(aws: Aws, cluster: str, service: str) -> tuple[int, int] | None:
    """Return the least and most tasks that Application Auto Scaling keeps; None where the service does not scale."""
    found = aws("application-autoscaling").describe_scalable_targets(
        ServiceNamespace="ecs", ResourceIds=[f"service/{cluster}/{service}"], ScalableDimension=DIMENSION
    )["ScalableTargets"]
    return (found[0]["MinCapacity"], found[0]["MaxCapacity"]) if found else None


def find_evacuation(aws: Aws, env: Deployed, wish: str) -> dict[str, Any]:
    """Return the `Evacuation` of a zone as JSON.

    Args:
        aws: the target.
        env: not asked before.
        wish: name or ID of a zone; empty for that of the database's writer.

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
        failover = find_failover(env, away_from=zone) if writer_zone in ("", zone) else None
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
