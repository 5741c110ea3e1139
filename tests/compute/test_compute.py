"""Images, load balancer, service and its blue/green deployment."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from prod_infra.compute.container import container_definitions
from prod_infra.data.app_secrets import SecretReference
from prod_infra.properties import plain
from tests.component_samples import SAMPLES
from tests.recording import production, record, record_environment


def _listener(port: int) -> dict[str, Any]:
    listeners = [plain(item.inputs) for item in production().of("lb/listener:Listener")]
    [found] = [item for item in listeners if item["port"] == port]
    return found


def test_images_are_immutable_scanned_and_kept() -> None:
    """Tags can't move, pushes are scanned, and a repository with images is not deleted."""
    repository = production().inputs("ecr/repository:Repository")
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
    assert repository["forceDelete"] is False


def test_whoever_lacks_the_origin_header_gets_403() -> None:
    """The production listener's default answer is 403; a rule lets in what has the secret header."""
    assert _listener(443)["defaultActions"][0]["fixedResponse"]["statusCode"] == "403"
    rule = production().named("lb/listenerRule:ListenerRule")
    assert plain(rule.inputs)["conditions"][0]["httpHeader"]["httpHeaderName"] == "X-Origin-Verify"
    assert production().targets(rule, "conditions") == ["prod-alb-origin-header"]
    assert production().targets(rule, "actions") == ["prod-alb-blue"]


def test_listeners_speak_modern_tls() -> None:
    """Production and test listener take TLS 1.2 with forward secrecy, or 1.3 with post-quantum key exchange."""
    for port in (443, 8443):
        assert _listener(port)["protocol"] == "HTTPS"
        assert _listener(port)["sslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"


def test_port_80_only_redirects() -> None:
    """The listener on port 80 answers 301 to HTTPS, and can be left out."""
    assert _listener(80)["defaultActions"][0]["redirect"]["statusCode"] == "HTTP_301"
    without = record_environment(enable_http_redirect=False).of("lb/listener:Listener")
    assert {plain(item.inputs)["port"] for item in without} == {443, 8443}


def test_what_codedeploy_flips_is_left_to_it() -> None:
    """Forward actions, task definition, live target group and number of tasks are not ours after the first deploy."""
    found = production()
    assert found.named("lb/listenerRule:ListenerRule").ignore_changes == ("actions",)
    assert found.named("lb/listener:Listener", "test").ignore_changes == ("defaultActions",)
    assert found.named("lb/listener:Listener", "https").ignore_changes == ()
    assert set(found.named("ecs/service:Service").ignore_changes) == {"taskDefinition", "loadBalancers", "desiredCount"}


def test_load_balancer_is_guarded() -> None:
    """It is not deleted by accident, and drops invalid headers."""
    balancer = production().inputs("lb/loadBalancer:LoadBalancer")
    assert balancer["enableDeletionProtection"] is True
    assert balancer["dropInvalidHeaderFields"] is True


@pytest.mark.parametrize(("setting", "value"), [(True, "true"), (False, "false")])
def test_cross_zone_balancing_acts_on_target_groups(*, setting: bool, value: str) -> None:
    """AWS lets an application load balancer turn it off only there."""
    found = record_environment(enable_cross_zone_load_balancing=setting)
    groups = [plain(item.inputs) for item in found.of("lb/targetGroup:TargetGroup")]
    assert [item["loadBalancingCrossZoneEnabled"] for item in groups] == [value] * 2
    assert found.inputs("lb/loadBalancer:LoadBalancer")["enableCrossZoneLoadBalancing"] is True


def test_blue_green_is_wired_end_to_end() -> None:
    """The deployment group knows service, groups, listeners and every alarm on errors, and rolls back by itself."""
    found = production()
    group = found.named("codedeploy/deploymentGroup:DeploymentGroup")
    inputs = plain(group.inputs)
    assert inputs["ecsService"] == {"clusterName": "prod-cluster", "serviceName": "prod-app"}
    assert inputs["autoRollbackConfiguration"]["events"] == ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"]
    assert {"prod-alb-blue", "prod-alb-green", "prod-alb-https", "prod-alb-test"} == set(
        found.targets(group, "loadBalancerInfo")
    )
    alarms = {item.name for item in found.of("cloudwatch/metricAlarm:MetricAlarm") if "-rollback-" in item.name}
    assert alarms == set(found.targets(group, "alarmConfiguration"))
    assert len(alarms) == 5
    assert found.inputs("ecs/service:Service")["deploymentController"] == {"type": "CODE_DEPLOY"}


def test_rolling_deployment_needs_no_codedeploy() -> None:
    """Without blue/green there is one group, no test listener, no CodeDeploy, and ECS's own way back."""
    found = record_environment(enable_blue_green=False, enable_blue_green_deployment=False)
    assert not [item for item in found.all if "codedeploy" in item.type]
    assert len(found.of("lb/targetGroup:TargetGroup")) == 1
    assert 8443 not in {plain(item.inputs)["port"] for item in found.of("lb/listener:Listener")}
    service = found.inputs("ecs/service:Service")
    assert service["deploymentController"] == {"type": "ECS"}
    assert service["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
    assert found.named("ecs/service:Service").ignore_changes == ("desiredCount",)


def test_the_service_waits_for_its_listener_and_roles() -> None:
    """AWS refuses a service whose target group has no listener, and tasks fail whose roles lack their policies."""
    needs = {urn.split("::", 3)[3] for urn in production().named("ecs/service:Service").dependencies}
    assert {"prod-alb-from-cloudfront", "prod-ecs-execution"} <= needs


def test_scaling_stays_within_bounds() -> None:
    """From 2 to 8 tasks, aiming at 70 % CPU."""
    target = production().inputs("appautoscaling/target:Target")
    assert (target["minCapacity"], target["maxCapacity"]) == (2, 8)
    policy = production().inputs("appautoscaling/policy:Policy")["targetTrackingScalingPolicyConfiguration"]
    assert policy["targetValue"] == 70


def _container(given: Callable[[], dict[str, Any]] = dict) -> dict[str, Any]:
    """Return the container; `given` is called in the program, as outputs need its event loop."""
    defaults: dict[str, Any] = {
        "image": "r@sha256:0",
        "port": 8080,
        "variables": {},
        "secrets": {},
        "log_group_name": "/prod/app",
        "region": "eu-central-1",
    }
    found = record(
        lambda: aws.ecs.TaskDefinition(
            "it", family="f", container_definitions=container_definitions(**defaults | given())
        )
    )
    [container] = json.loads(found.inputs("ecs/taskDefinition:TaskDefinition")["containerDefinitions"])
    return dict(container)


def test_container_can_change_nothing_on_its_disk() -> None:
    """A task runs as nobody special, on a read-only disk."""
    container = _container()
    assert container["readonlyRootFilesystem"] is True
    assert container["user"] == "1000:1000"


def test_customers_come_before_logs() -> None:
    """A container goes on when CloudWatch doesn't take its output."""
    options = _container()["logConfiguration"]["options"]
    assert options["mode"] == "non-blocking"
    assert options["max-buffer-size"] == "25m"


def test_secrets_are_given_by_arn() -> None:
    """A secret reaches the task by reference: its value is in no task definition."""
    arn = "arn:aws:secretsmanager:eu-central-1:1:secret:prod/app"

    def given() -> dict[str, Any]:
        secret = SecretReference(arn=pulumi.Output.from_input(arn), json_key="JWT", has_suffix=False)
        return {"variables": {"LEVEL": "info"}, "secrets": {"JWT": secret}}

    container = _container(given)
    assert container["secrets"] == [{"name": "JWT", "valueFrom": f"{arn}:JWT::"}]
    assert container["environment"] == [{"name": "LEVEL", "value": "info"}]


def test_named_secrets_are_readable_at_preview() -> None:
    """The policy for secrets known by name says where they come from before anything exists."""
    found = record_environment(app_secrets={"JWT": "prod/app:JWT", "KEY": "prod/app:KEY"})
    policy = found.inputs("iam/rolePolicy:RolePolicy", "named-secrets")["policy"]
    [statement] = json.loads(policy)["Statement"]
    assert statement["Resource"] == ["arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/app-??????"]


def test_services_take_roles_for_this_account_alone() -> None:
    """A service that acts on behalf of another account gets none of the roles."""
    roles = [plain(item.inputs) for item in production().of("iam/role:Role")]
    assert len(roles) == 4
    for role in roles:
        [statement] = json.loads(role["assumeRolePolicy"])["Statement"]
        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_roles_allow_no_more_than_they_need() -> None:
    """No statement allows every action, and only the registry's login, which knows no resource, allows any."""
    kinds = [kind for kind in SAMPLES if kind.__name__ == "ServiceRoles"]
    policies = record(lambda: SAMPLES[kinds[0]]("it", None)).of("iam/rolePolicy:RolePolicy")
    known = [plain(item.inputs)["policy"] for item in policies]
    statements = [item for text in known if isinstance(text, str) for item in json.loads(text)["Statement"]]
    assert len(statements) == 7
    for statement in statements:
        assert "*" not in str(statement["Action"])
        assert statement["Resource"] != "*" or statement["Sid"] == "Login"
