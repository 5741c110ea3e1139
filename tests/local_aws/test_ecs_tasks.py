"""ECS tasks on the local AWS: their states, zones and addresses, and the scheduler that replaces what is lost."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.server import LocalAws
from tests.local_aws.blue_green import Stage, until
from tests.local_aws.environment import refused

LIFE = ["PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"]


@pytest.fixture(autouse=True)
def fast(local_aws: LocalAws) -> Iterator[None]:
    """An AWS minute takes a tenth of a second."""
    local_aws.admin("POST", "/clock", factor=600)
    yield
    local_aws.admin("DELETE", "/faults")
    local_aws.admin("POST", "/clock", factor=60)


@pytest.fixture
def stage(clients: Clients) -> Stage:
    """A steady service of two tasks under CodeDeploy's controller."""
    return Stage.build(clients)


@pytest.fixture
def rolling(clients: Clients) -> Stage:
    """The same under ECS's own controller."""
    return Stage.build(clients, controller="ECS")


def steady(stage: Stage, desired: int) -> bool:
    """Return whether the service is as wanted, with nothing left from before."""
    held = stage.service()
    return bool((held["runningCount"], held["pendingCount"]) == (desired, 0)) and len(stage.tasks()) == desired


def test_tasks_are_spread_over_zones_with_addresses_in_their_subnets(stage: Stage, clients: Clients) -> None:
    """Two tasks run in two zones, each with an address that is a target of the group."""
    tasks = stage.tasks()
    assert {task["availabilityZone"] for task in tasks} == {"eu-central-1a", "eu-central-1b"}
    blocks = {
        subnet["SubnetId"]: subnet["CidrBlock"]
        for subnet in clients("ec2").describe_subnets(SubnetIds=stage.subnets)["Subnets"]
    }
    addresses = set()
    for task in tasks:
        details = {each["name"]: each["value"] for each in task["attachments"][0]["details"]}
        assert ipaddress.ip_address(details["privateIPv4Address"]) in ipaddress.ip_network(blocks[details["subnetId"]])
        addresses.add(details["privateIPv4Address"])
        assert (task["lastStatus"], task["group"], task["launchType"]) == ("RUNNING", "service:app", "FARGATE")
        assert task["startedBy"] == stage.service()["taskSets"][0]["id"]
    assert addresses == set(stage.health("blue"))


def test_a_stopped_task_goes_through_its_states_and_is_replaced(stage: Stage, local_aws: LocalAws) -> None:
    """The target drains, the task ends with the given reason, and another runs in its place."""
    local_aws.admin("POST", "/clock", factor=60)
    ecs, (first, kept) = stage.clients("ecs"), stage.tasks()
    ecs.stop_task(cluster="prod", task=first["taskArn"], reason="drill")
    seen = []

    def stopped() -> bool:
        task = ecs.describe_tasks(cluster="prod", tasks=[first["taskArn"]])["tasks"][0]
        seen.append(task["lastStatus"])
        return bool(task["lastStatus"] == "STOPPED")

    assert "draining" in stage.targets("blue")
    until(stopped, "the task has stopped")
    assert sorted(seen, key=LIFE.index) == seen
    task = ecs.describe_tasks(cluster="prod", tasks=[first["taskArn"]])["tasks"][0]
    assert (task["stopCode"], task["stoppedReason"], task["desiredStatus"]) == ("UserInitiated", "drill", "STOPPED")
    assert ecs.list_tasks(cluster="prod", desiredStatus="STOPPED")["taskArns"] == [first["taskArn"]]
    until(lambda: steady(stage, 2), "the task is replaced")
    now = {task["taskArn"]: task["availabilityZone"] for task in stage.tasks()}
    assert kept["taskArn"] in now
    assert first["taskArn"] not in now
    assert set(now.values()) == {"eu-central-1a", "eu-central-1b"}


def test_counts_follow_the_wanted_number(stage: Stage) -> None:
    """More tasks start, surplus ones stop, and the task set counts with the service."""
    update = stage.clients("ecs").update_service
    for desired in (5, 1):
        update(cluster="prod", service="app", desiredCount=desired)
        until(partial(steady, stage, desired), f"{desired} tasks run")
        task_set = stage.service()["taskSets"][0]
        assert (task_set["computedDesiredCount"], task_set["runningCount"]) == (desired, desired)
    until(lambda: stage.service()["taskSets"][0]["stabilityStatus"] == "STEADY_STATE", "the task set is steady")


def test_a_lost_zone_moves_its_tasks_to_the_other(stage: Stage, local_aws: LocalAws) -> None:
    """Targets in the zone get unhealthy, and tasks in the other take over, told in the events."""
    local_aws.admin("POST", "/faults", kind="lost-az", zone="eu-central-1a")
    until(
        lambda: {task["availabilityZone"] for task in stage.tasks()} == {"eu-central-1b"} and steady(stage, 2),
        "both tasks run in zone b",
    )
    messages = " ".join(event["message"] for event in stage.service()["events"])
    assert "is unhealthy in (target-group" in messages
    assert "Request timed out" in messages


def test_failing_tasks_are_replaced_again_and_again(stage: Stage, local_aws: LocalAws) -> None:
    """A task that answers 500 never gets healthy, and its replacements neither."""
    local_aws.admin("POST", "/faults", kind="tasks-fail", task_definition="app:*")
    seen: set[str] = set()

    def many() -> bool:
        seen.update(task["taskArn"] for task in stage.tasks())
        return len(seen) > 6

    until(many, "tasks are replaced repeatedly")
    reasons = {task["stoppedReason"] for task in stage.tasks(desiredStatus="STOPPED")}
    assert reasons == {f"Task failed ELB health checks in (target-group {stage.groups['blue']})"}


def test_a_stuck_task_waits_for_the_fault_to_go(stage: Stage, local_aws: LocalAws) -> None:
    """A starting task stays in its state, others run on."""
    local_aws.admin("POST", "/faults", kind="stuck", what="task")
    stage.clients("ecs").update_service(cluster="prod", service="app", desiredCount=3)
    until(lambda: len(stage.tasks()) == 3, "the third is there")
    assert sorted(task["lastStatus"] for task in stage.tasks()) == ["PROVISIONING", "RUNNING", "RUNNING"]
    local_aws.admin("DELETE", "/faults")
    until(lambda: steady(stage, 3), "the third runs")


def test_a_rolling_deployment_keeps_the_healthy_number(rolling: Stage) -> None:
    """New tasks take over from old ones, never fewer than wanted run, and one deployment is left."""
    definition = rolling.revision("2")
    rolling.clients("ecs").update_service(cluster="prod", service="app", taskDefinition=definition)
    assert [each["status"] for each in rolling.service()["deployments"]] == ["PRIMARY", "ACTIVE"]

    def done() -> bool:
        assert rolling.targets("blue").count("healthy") >= 2
        return len(rolling.service()["deployments"]) == 1 and steady(rolling, 2)

    until(done, "the deployment is complete")
    assert {task["taskDefinitionArn"] for task in rolling.tasks()} == {definition}
    assert rolling.service()["deployments"][0]["rolloutState"] == "COMPLETED"
    rolling.clients("ecs").get_waiter("services_stable").wait(cluster="prod", services=["app"])


def test_a_forced_deployment_replaces_every_task(rolling: Stage) -> None:
    """The same revision runs in new tasks."""
    before = {task["taskArn"] for task in rolling.tasks()}
    rolling.clients("ecs").update_service(cluster="prod", service="app", forceNewDeployment=True)
    until(lambda: steady(rolling, 2) and not before & {task["taskArn"] for task in rolling.tasks()}, "all are new")


def test_codedeploys_service_takes_no_forced_deployment(stage: Stage) -> None:
    """AWS points to CodeDeploy."""
    update = stage.clients("ecs").update_service
    assert refused(update, cluster="prod", service="app", forceNewDeployment=True) == "InvalidParameterException"


def test_a_task_on_its_own_runs_its_command_and_ends(stage: Stage) -> None:
    """run_task with a command ends by itself with exit code 0; overrides show in the task."""
    ecs = stage.clients("ecs")
    override = {"name": "app", "command": ["true"], "environment": [{"name": "VERSION", "value": "override"}]}
    task = ecs.run_task(
        cluster="prod",
        taskDefinition="app",
        launchType="FARGATE",
        networkConfiguration=stage.network,
        overrides={"containerOverrides": [override]},
        startedBy="drill",
    )["tasks"][0]
    assert (task["group"], task["lastStatus"]) == ("family:app", "PROVISIONING")
    assert task["overrides"]["containerOverrides"] == [override]
    assert stage.tasks(startedBy="drill")[0]["taskArn"] == task["taskArn"]
    ecs.get_waiter("tasks_stopped").wait(cluster="prod", tasks=[task["taskArn"]], WaiterConfig={"Delay": 1})
    ended = ecs.describe_tasks(cluster="prod", tasks=[task["taskArn"]])["tasks"][0]
    assert (ended["stopCode"], ended["containers"][0]["exitCode"]) == ("EssentialContainerExited", 0)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"networkConfiguration": None}, "InvalidParameterException"),
        ({"count": 11}, "InvalidParameterException"),
        ({"overrides": {"containerOverrides": [{"name": "x"}]}}, "InvalidParameterException"),
        ({"taskDefinition": "gone:1"}, "ClientException"),
        ({"cluster": "absent"}, "ClusterNotFoundException"),
    ],
)
def test_a_task_that_cant_be_is_refused(stage: Stage, changes: dict[str, Any], code: str) -> None:
    """Each fault gets AWS's error."""
    ecs = stage.clients("ecs")
    given = {
        "cluster": "prod",
        "taskDefinition": "app",
        "launchType": "FARGATE",
        "networkConfiguration": stage.network,
    } | changes
    assert refused(ecs.run_task, **{key: value for key, value in given.items() if value is not None}) == code


def test_an_unknown_task_is_missing(stage: Stage) -> None:
    """Describe names what it did not find; stop refuses it."""
    ecs = stage.clients("ecs")
    assert ecs.describe_tasks(cluster="prod", tasks=["absent"])["failures"][0]["reason"] == "MISSING"
    assert refused(ecs.stop_task, cluster="prod", task="absent") == "InvalidParameterException"


def test_a_deleted_services_tasks_stop_and_free_their_addresses(stage: Stage, clients: Clients) -> None:
    """The service drains, then is inactive; no interface is left in the subnets."""
    ecs = stage.clients("ecs")
    ecs.delete_service(cluster="prod", service="app", force=True)
    assert stage.service()["status"] == "DRAINING"
    ecs.get_waiter("services_inactive").wait(cluster="prod", services=["app"], WaiterConfig={"Delay": 1})
    assert clients("ec2").describe_network_interfaces()["NetworkInterfaces"] == []
    assert stage.targets("blue") == []


def test_task_sets_run_beside_each_other(stage: Stage) -> None:
    """A set at half scale runs half the tasks; made primary, it is what the service runs; the other is deleted."""
    ecs, definition = stage.clients("ecs"), stage.revision("2")
    first = stage.service()["taskSets"][0]["id"]
    balancer = {"targetGroupArn": stage.groups["green"], "containerName": "app", "containerPort": 8080}
    second = ecs.create_task_set(
        cluster="prod",
        service="app",
        taskDefinition=definition,
        launchType="FARGATE",
        loadBalancers=[balancer],
        networkConfiguration=stage.network,
        scale={"value": 50, "unit": "PERCENT"},
    )["taskSet"]["id"]
    until(lambda: stage.targets("green") == ["healthy"], "the new set's task is healthy")
    assert {each["id"]: each["status"] for each in stage.service()["taskSets"]} == {first: "PRIMARY", second: "ACTIVE"}
    ecs.update_task_set(cluster="prod", service="app", taskSet=second, scale={"value": 100, "unit": "PERCENT"})
    until(lambda: stage.targets("green") == ["healthy"] * 2, "the new set is whole")
    ecs.update_service_primary_task_set(cluster="prod", service="app", primaryTaskSet=second)
    assert stage.service()["taskDefinition"] == definition
    assert stage.service()["loadBalancers"] == [balancer]
    delete = ecs.delete_task_set
    assert refused(delete, cluster="prod", service="app", taskSet=first) == "InvalidParameterException"
    delete(cluster="prod", service="app", taskSet=first, force=True)
    until(lambda: [each["id"] for each in stage.service()["taskSets"]] == [second], "the old set is gone")
    assert stage.service()["deployments"] == []
    assert stage.targets("blue") == []
