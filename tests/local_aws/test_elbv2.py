"""Target health on the local AWS: states and reasons follow what is behind a target."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.server import LocalAws
from tests.local_aws.blue_green import Stage, until
from tests.local_aws.environment import load_balancer, network, refused


@pytest.fixture
def stage(local_aws: LocalAws, clients: Clients) -> Iterator[Stage]:
    """A steady service; an AWS minute takes a tenth of a second."""
    local_aws.admin("POST", "/clock", factor=600)
    yield Stage.build(clients)
    local_aws.admin("DELETE", "/faults")
    local_aws.admin("POST", "/clock", factor=60)


def test_a_target_registered_by_hand_gets_healthy_and_drains(local_aws: LocalAws, clients: Clients) -> None:
    """It is initial, healthy after its first check, draining for the group's delay, and gone."""
    group, elbv2 = load_balancer(clients, network(clients))["target_group"], clients("elbv2")
    target = {"Id": "10.1.0.99", "Port": 8443}
    elbv2.register_targets(TargetGroupArn=group, Targets=[target])

    def health() -> list[tuple[str, str]]:
        said = elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return [(each["TargetHealth"]["State"], each["TargetHealth"].get("Reason", "")) for each in said]

    assert health() == [("initial", "Elb.InitialHealthChecking")]
    elbv2.get_waiter("target_in_service").wait(TargetGroupArn=group, Targets=[target], WaiterConfig={"Delay": 1})
    assert health() == [("healthy", "")]
    local_aws.admin("POST", "/clock", factor=600)
    elbv2.deregister_targets(TargetGroupArn=group, Targets=[target])
    assert health() == [("draining", "Target.DeregistrationInProgress")]
    until(lambda: health() == [], "the target has drained")
    local_aws.admin("POST", "/clock", factor=60)
    assert refused(elbv2.deregister_targets, TargetGroupArn=group, Targets=[target]) == "InvalidTarget"


def test_a_group_behind_no_listener_is_unused(stage: Stage, clients: Clients) -> None:
    """Its targets are not checked, and become what they are when a listener leads to them again."""
    elbv2 = clients("elbv2")
    elbv2.modify_rule(RuleArn=stage.rule, Actions=[{"Type": "forward", "TargetGroupArn": stage.groups["green"]}])
    assert {(each["State"], each["Reason"]) for each in stage.health("blue").values()} == {
        ("unused", "Target.NotInUse")
    }
    elbv2.modify_rule(RuleArn=stage.rule, Actions=[{"Type": "forward", "TargetGroupArn": stage.groups["blue"]}])
    assert stage.targets("blue") == ["healthy", "healthy"]


@pytest.mark.parametrize(
    ("fault", "reason", "hit"),
    [
        ({"kind": "lost-az", "zone": "eu-central-1b"}, "Target.Timeout", 1),
        ({"kind": "tasks-fail", "task_definition": "app:1"}, "Target.ResponseCodeMismatch", 2),
    ],
)
def test_a_fault_behind_a_target_makes_it_unhealthy(
    stage: Stage, local_aws: LocalAws, fault: dict[str, str], reason: str, hit: int
) -> None:
    """After the threshold of failed checks the state tells why; healing takes passed checks."""
    # The scheduler would replace the tasks at once after their grace period.
    stage.clients("ecs").update_service(cluster="prod", service="app", healthCheckGracePeriodSeconds=2_000_000)
    tasks = stage.clients("ecs").list_tasks(cluster="prod", serviceName="app")["taskArns"]
    for task in tasks:
        stage.clients("ecs").stop_task(cluster="prod", task=task)
    until(lambda: stage.targets("blue") == ["healthy", "healthy"], "tasks with a long grace period run")
    local_aws.admin("POST", "/faults", **fault)

    def reasons() -> list[str]:
        return [each["Reason"] for each in stage.health("blue").values() if each["State"] == "unhealthy"]

    until(lambda: reasons() == [reason] * hit, "the fault shows")
    local_aws.admin("DELETE", "/faults")
    until(lambda: stage.targets("blue") == ["healthy", "healthy"], "the targets heal")


def test_what_aws_fills_in_is_told(clients: Clients) -> None:
    """A redirect keeps the parts of the request that it does not name; an ALB has AWS's defaults."""
    made, elbv2 = load_balancer(clients, network(clients)), clients("elbv2")
    given = {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}
    redirect = {"Type": "redirect", "RedirectConfig": given}
    elbv2.create_listener(LoadBalancerArn=made["balancer"], Protocol="HTTP", Port=8080, DefaultActions=[redirect])
    listeners = elbv2.describe_listeners(LoadBalancerArn=made["balancer"])["Listeners"]
    told = next(each for each in listeners if each["Port"] == 8080)["DefaultActions"][0]["RedirectConfig"]
    kept = {"Host": "#{host}", "Path": "/#{path}", "Query": "#{query}"}
    assert told == {**given, **kept}
    elbv2.modify_load_balancer_attributes(
        LoadBalancerArn=made["balancer"], Attributes=[{"Key": "idle_timeout.timeout_seconds", "Value": "30"}]
    )
    answer = elbv2.describe_load_balancer_attributes(LoadBalancerArn=made["balancer"])["Attributes"]
    attributes = {each["Key"]: each["Value"] for each in answer}
    assert attributes["idle_timeout.timeout_seconds"] == "30"
    assert attributes["routing.http2.enabled"] == "true"
