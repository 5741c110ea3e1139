"""Whether an environment is well: what has to hold before a runbook changes anything, and again after it."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_address, ip_network
from typing import Any, Final

import httpx

from prod_infra.errors import TargetError
from runbooks.core.aws import Aws
from runbooks.verify import Check, Deployed
from runbooks.verify.check import CheckFunction, Findings, run_check


def alarms_are_quiet(env: Deployed, see: Findings) -> None:
    """No alarm of the environment fires."""
    alarms = env.alarms(env.settings.region)
    firing = sorted(alarm["AlarmName"] for alarm in alarms if alarm["StateValue"] == "ALARM")
    see.require(not firing, f"{', '.join(firing)} fire")
    see.saw(f"{len(alarms)} alarms")


def database_is_available(env: Deployed, see: Findings) -> None:
    """The database is available, with one writer and a replica."""
    see.equal("status", env.database["Status"], "available")
    members = env.database["DBClusterMembers"]
    writers = [member["DBInstanceIdentifier"] for member in members if member["IsClusterWriter"]]
    see.require(len(writers) == 1, f"the writers are {', '.join(writers) or 'none'}")
    see.require(len(members) > len(writers), "there is no replica to fail over to")
    for instance in env.database_instances:
        see.equal(instance["DBInstanceIdentifier"], instance["DBInstanceStatus"], "available")


def service_is_complete(env: Deployed, see: Findings) -> None:
    """The service runs as many tasks as it should, and waits for none."""
    # With CodeDeploy the old tasks stay for a while after a release: the primary task set's are those that count.
    sets = [one for one in env.service.get("taskSets", ()) if one["status"] == "PRIMARY"]
    found = {**env.service, **sets[0], "desiredCount": sets[0]["computedDesiredCount"]} if sets else env.service
    see.equal("running", found["runningCount"], found["desiredCount"])
    see.equal("pending", found["pendingCount"], 0)


def targets_are_healthy(env: Deployed, see: Findings) -> None:
    """Each availability zone has a healthy target."""
    healthy = healthy_targets(env)
    zones = {zone["ZoneName"] for zone in env.load_balancer["AvailabilityZones"]}
    for zone in sorted(zones):
        see.require(healthy[zone], f"{zone} has no healthy target")
        see.saw(f"{zone} {healthy[zone]}")


def healthy_targets(env: Deployed) -> Counter[str]:
    """Return how many healthy targets there are, by availability zone."""
    elbv2 = env.clients("elbv2")
    healthy: Counter[str] = Counter()
    for group in env.target_groups:
        answer = elbv2.describe_target_health(TargetGroupArn=group["TargetGroupArn"])
        for found in answer["TargetHealthDescriptions"]:
            if found["TargetHealth"]["State"] == "healthy":
                healthy[_zone(env, found["Target"])] += 1
    return healthy


def _zone(env: Deployed, target: dict[str, Any]) -> str:
    """Return a target's zone; where AWS does not say it, that of the subnet which has the address."""
    if said := target.get("AvailabilityZone"):
        return str(said)
    address = ip_address(target["Id"])
    subnets = env.subnets.values()
    return next((net["AvailabilityZone"] for net in subnets if address in ip_network(net["CidrBlock"])), "")


def nothing_is_deployed(env: Deployed, see: Findings) -> None:
    """No deployment is in progress."""
    code_deploy = env.clients("codedeploy")
    for application in env.pages("codedeploy", "list_applications", "applications"):
        groups = env.pages("codedeploy", "list_deployment_groups", "deploymentGroups", applicationName=application)
        for group in groups:
            known = code_deploy.get_deployment_group(applicationName=application, deploymentGroupName=group)
            services = known["deploymentGroupInfo"].get("ecsServices", ())
            if env.service["serviceName"] not in {service["serviceName"] for service in services}:
                continue
            active = env.pages(
                "codedeploy",
                "list_deployments",
                "deployments",
                applicationName=application,
                deploymentGroupName=group,
                includeOnlyStatuses=["Created", "Queued", "InProgress", "Baking", "Ready"],
            )
            # `InProgress` also means that all traffic is moved and blue waits for its end, which disturbs nothing.
            busy = [name for name in active if not _is_through(env, name)]
            see.require(not busy, f"{', '.join(busy)} of {group} not at its end")


def _is_through(env: Deployed, deployment: str) -> bool:
    """Return whether all targets succeeded: https://github.com/aws/containers-roadmap/issues/269."""
    code_deploy = env.clients("codedeploy")
    names = env.pages("codedeploy", "list_deployment_targets", "targetIds", deploymentId=deployment)
    if not names:
        return False
    targets = code_deploy.batch_get_deployment_targets(deploymentId=deployment, targetIds=names)["deploymentTargets"]
    return all(target["ecsTarget"]["status"] == "Succeeded" for target in targets)


def front_door_answers(aws: Aws) -> CheckFunction:
    """Return the check that asks as a customer does."""

    def check(env: Deployed, see: Findings) -> None:
        """Site and API answer."""
        try:
            with aws.front_door(env.settings.domain_name).client(timeout=10) as client:
                for path in ("/", "/api/version"):
                    status = client.get(path).status_code
                    # An empty site's 403 is an answer; who can't be reached answers 5xx.
                    see.require(status < httpx.codes.INTERNAL_SERVER_ERROR, f"{path} answers {status}")
                    see.saw(f"{path} {status}")
        except (httpx.HTTPError, TargetError) as error:
            see.require(holds=False, fault=f"the front door does not answer: {error}")

    return check


CHECKS: Final[tuple[tuple[str, CheckFunction], ...]] = (
    ("operations", alarms_are_quiet),
    ("data", database_is_available),
    ("compute", service_is_complete),
    ("compute", targets_are_healthy),
    ("compute", nothing_is_deployed),
)


def checks(aws: Aws, env: Deployed) -> list[Check]:
    """Run every check that holds for any environment; one that fails stops no other.

    Args:
        aws: the target.
        env: the environment, not asked before.
    """
    every = (*CHECKS, ("edge", front_door_answers(aws)))
    return [run_check(group, function, env) for group, function in every]
