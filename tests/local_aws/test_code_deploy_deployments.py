"""CodeDeploy's blue/green deployments on the local AWS: every lifecycle event, every way to end, and the way back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.server import LocalAws
from tests.local_aws.blue_green import NAMES, Stage, until
from tests.local_aws.environment import refused, role

EVENTS = [
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "AllowTestTraffic",
    "AfterAllowTestTraffic",
    "BeforeAllowTraffic",
    "AllowTraffic",
    "AfterAllowTraffic",
]
AT_ONCE = "CodeDeployDefault.ECSAllAtOnce"


@pytest.fixture
def stage(local_aws: LocalAws, clients: Clients) -> Iterator[Stage]:
    """A steady blue/green service; an AWS minute takes a tenth of a second."""
    local_aws.admin("POST", "/clock", factor=600)
    yield Stage.build(clients)
    local_aws.admin("DELETE", "/faults")
    local_aws.admin("POST", "/clock", factor=60)


def own_config(stage: Stage, route: dict[str, Any]) -> str:
    """Create a deployment configuration and return its name."""
    stage.clients("codedeploy").create_deployment_config(
        deploymentConfigName="own", computePlatform="ECS", trafficRoutingConfig=route
    )
    return "own"


@pytest.mark.parametrize(
    ("config", "steps"),
    [
        (AT_ONCE, {0, 100}),
        ("CodeDeployDefault.ECSCanary10Percent5Minutes", {0, 10, 100}),
        ("CodeDeployDefault.ECSLinear10PercentEvery1Minutes", {*range(0, 101, 10)}),
        (
            {"type": "TimeBasedLinear", "timeBasedLinear": {"linearPercentage": 40, "linearInterval": 2}},
            {0, 40, 80, 100},
        ),
        (
            {"type": "TimeBasedCanary", "timeBasedCanary": {"canaryPercentage": 33, "canaryInterval": 2}},
            {0, 33, 100},
        ),
    ],
)
def test_traffic_moves_in_the_steps_of_the_configuration(
    stage: Stage, config: str | dict[str, Any], steps: set[int]
) -> None:
    """Weights always sum to 100, only grow, take the configuration's values, and end with one primary task set."""
    client = stage.code_deploy()
    name = config if isinstance(config, str) else own_config(stage, config)
    deployment = stage.deploy(deploymentConfigName=name)
    seen = []

    def over() -> bool:
        weights = stage.weights()
        assert sum(weights.values()) == 100
        seen.append(weights.get("green", 0))
        return bool(client.get_deployment(deploymentId=deployment)["deploymentInfo"]["status"] == "Succeeded")

    until(over, "the deployment succeeds")
    assert seen == sorted(seen)
    assert set(seen) == steps
    stage.settled("green")
    assert stage.test_weights()["green"] == 100


def test_a_deployment_goes_through_every_lifecycle_event(stage: Stage) -> None:
    """Each event succeeds in its order with its times, and group, service and deployment tell the same."""
    client = stage.code_deploy()
    definition = stage.revision("2")
    deployment = stage.deploy(stage.app_spec(definition), description="v2")
    client.get_waiter("deployment_successful").wait(deploymentId=deployment, WaiterConfig={"Delay": 1})
    events = stage.target(deployment)["lifecycleEvents"]
    assert [(event["lifecycleEventName"], event["status"]) for event in events] == [(e, "Succeeded") for e in EVENTS]
    moments = [moment for event in events for moment in (event["startTime"], event["endTime"])]
    assert moments == sorted(moments)
    info = stage.deployment(deployment)
    assert (info["creator"], info["description"], info["computePlatform"]) == ("user", "v2", "ECS")
    assert info["createTime"] <= info["startTime"] <= info["completeTime"]
    assert info["deploymentOverview"]["Succeeded"] == 1
    assert stage.service()["taskDefinition"] == definition
    assert {task["taskDefinitionArn"] for task in stage.tasks()} == {definition}
    group = client.get_deployment_group(**NAMES)["deploymentGroupInfo"]
    assert group["lastSuccessfulDeployment"]["deploymentId"] == deployment
    assert group["lastAttemptedDeployment"]["status"] == "Succeeded"
    assert group["targetRevision"] == info["revision"]


def test_the_second_deployment_comes_back_to_the_first_target_group(stage: Stage) -> None:
    """Blue and green swap with each deployment."""
    stage.code_deploy(deploymentConfigName=AT_ONCE)
    first = stage.ended(stage.deploy())
    second = stage.ended(stage.deploy(stage.app_spec(stage.revision("3"))))
    assert [info["status"] for info in (first, second)] == ["Succeeded", "Succeeded"]
    assert second["previousRevision"] == first["revision"]
    stage.settled("blue")


def test_the_target_succeeds_before_the_old_task_set_goes(stage: Stage) -> None:
    """With the traffic moved the deployment waits, in progress, until TERMINATION_WAIT is continued."""
    terminate = {"action": "TERMINATE", "terminationWaitTimeInMinutes": 2000}
    client = stage.code_deploy(
        deploymentConfigName=AT_ONCE,
        blueGreenDeploymentConfiguration={"terminateBlueInstancesOnDeploymentSuccess": terminate},
    )
    deployment = stage.deploy()
    stage.started(deployment)
    until(lambda: stage.target(deployment)["status"] == "Succeeded", "traffic has moved")
    assert stage.deployment(deployment)["status"] == "InProgress"
    sets = {each["taskSetLabel"]: each for each in stage.target(deployment)["taskSetsInfo"]}
    assert {label: (each["status"], each["trafficWeight"]) for label, each in sets.items()} == {
        "Blue": ("ACTIVE", 0.0),
        "Green": ("PRIMARY", 100.0),
    }
    assert {label: each["targetGroup"]["name"] for label, each in sets.items()} == {"Blue": "blue", "Green": "green"}
    continued = client.continue_deployment
    assert refused(continued, deploymentId=deployment, deploymentWaitType="READY_WAIT") == (
        "DeploymentIsNotInReadyStateException"
    )
    continued(deploymentId=deployment, deploymentWaitType="TERMINATION_WAIT")
    assert stage.ended(deployment)["status"] == "Succeeded"
    stage.settled("green")
    assert refused(continued, deploymentId=deployment) == "DeploymentAlreadyCompletedException"


def ready(minutes: int) -> dict[str, Any]:
    """Return a blue/green configuration that waits for a go-ahead."""
    return {
        "deploymentReadyOption": {"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": minutes},
        "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 0},
    }


def test_a_ready_wait_shows_the_new_version_to_testers_alone(stage: Stage) -> None:
    """While the deployment is Ready the test listener leads to green, production to blue; then it goes on."""
    client = stage.code_deploy(deploymentConfigName=AT_ONCE, blueGreenDeploymentConfiguration=ready(2000))
    deployment = stage.deploy()
    until(lambda: stage.deployment(deployment)["status"] == "Ready", "the deployment is ready")
    assert stage.target(deployment)["status"] == "Ready"
    assert (stage.weights().get("green", 0), stage.test_weights()["green"]) == (0, 100)
    assert set(stage.targets("green")) == {"healthy"}
    client.continue_deployment(deploymentId=deployment, deploymentWaitType="READY_WAIT")
    assert stage.ended(deployment)["status"] == "Succeeded"
    stage.settled("green")


def test_a_ready_wait_that_runs_out_stops_the_deployment(stage: Stage) -> None:
    """Nobody went ahead: traffic never moves."""
    stage.code_deploy(blueGreenDeploymentConfiguration=ready(5), autoRollbackConfiguration={"enabled": False})
    deployment = stage.deploy()
    assert stage.ended(deployment)["status"] == "Stopped"
    stage.settled("blue")


@pytest.mark.parametrize("phase", ["Install", "AllowTraffic", "TERMINATION"])
@pytest.mark.parametrize("roll_back", [True, False])
def test_a_stopped_deployment_leaves_one_version(stage: Stage, phase: str, *, roll_back: bool) -> None:
    """With a rollback all is as before, by a deployment of its own; without one the primary task set keeps all."""
    client = stage.code_deploy()
    deployment = stage.deploy()
    stage.started(deployment)
    if phase == "TERMINATION":
        until(lambda: stage.target(deployment)["status"] == "Succeeded", "traffic has moved")
    else:
        until(lambda: stage.event(deployment, phase) == "InProgress", f"{phase} begins")
    client.stop_deployment(deploymentId=deployment, autoRollbackEnabled=roll_back)
    info = stage.ended(deployment)
    assert (info["status"], "rollbackInfo" in info) == ("Stopped", roll_back)
    if roll_back:
        rollback = stage.ended(info["rollbackInfo"]["rollbackDeploymentId"])
        assert (rollback["status"], rollback["creator"]) == ("Succeeded", "codeDeployRollback")
        assert rollback["rollbackInfo"]["rollbackTriggeringDeploymentId"] == deployment
    stage.settled("green" if phase == "TERMINATION" and not roll_back else "blue")
    assert refused(client.stop_deployment, deploymentId=deployment) == "DeploymentAlreadyCompletedException"


def test_a_stop_after_the_old_task_set_went_deploys_the_old_revision_anew(stage: Stage) -> None:
    """A rollback also works when there is no way back to the old tasks."""
    client = stage.code_deploy(deploymentConfigName=AT_ONCE)
    before = stage.service()["taskDefinition"]
    deployment = stage.deploy()
    until(lambda: "DRAINING" in [each["status"] for each in stage.service()["taskSets"]], "blue drains")
    client.stop_deployment(deploymentId=deployment, autoRollbackEnabled=True)
    rollback = stage.deployment(deployment)["rollbackInfo"]["rollbackDeploymentId"]
    assert stage.ended(rollback)["status"] == "Succeeded"
    assert stage.service()["taskDefinition"] == before
    assert [each["status"] for each in stage.service()["taskSets"]] == ["PRIMARY"]


@pytest.mark.parametrize("roll_back", [True, False])
def test_an_alarm_stops_a_deployment_mid_shift(stage: Stage, clients: Clients, *, roll_back: bool) -> None:
    """The group's alarm turns the deployment back, or just ends it where no rollback is configured."""
    cloudwatch = clients("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="5xx", Namespace="n", MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=1, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    stage.code_deploy(**({} if roll_back else {"autoRollbackConfiguration": {"enabled": False}}))
    deployment = stage.deploy()
    until(lambda: stage.weights().get("green") == 10, "the canary gets traffic")
    cloudwatch.set_alarm_state(AlarmName="5xx", StateValue="ALARM", StateReason="test")
    info = stage.ended(deployment)
    assert (info["status"], info["errorInformation"]["code"]) == ("Stopped", "ALARM_ACTIVE")
    assert ("rollbackInfo" in info) == roll_back
    if roll_back:
        assert stage.ended(info["rollbackInfo"]["rollbackDeploymentId"])["status"] == "Succeeded"
    stage.settled("blue")
    assert stage.test_weights()["blue"] == 100


def test_tasks_that_never_get_healthy_fail_the_deployment(stage: Stage, local_aws: LocalAws) -> None:
    """Install runs into its time limit, production never notices, and the failure is rolled back."""
    stage.code_deploy()
    definition = stage.revision("2")
    local_aws.admin("POST", "/faults", kind="tasks-fail", task_definition=definition.rpartition("/")[2])
    deployment = stage.deploy(stage.app_spec(definition))
    info = stage.ended(deployment)
    assert (info["status"], info["errorInformation"]["code"]) == ("Failed", "TIMEOUT")
    assert stage.event(deployment, "Install") == "Failed"
    assert stage.ended(info["rollbackInfo"]["rollbackDeploymentId"])["status"] == "Succeeded"
    stage.settled("blue")
    assert "Health checks failed with these codes" in str([each["message"] for each in stage.service()["events"]])


def test_a_stuck_deployment_stays_where_it_is_until_the_fault_goes(stage: Stage, local_aws: LocalAws) -> None:
    """The fault holds the phase, and then the deployment goes on to its end."""
    stage.code_deploy(deploymentConfigName=AT_ONCE)
    local_aws.admin("POST", "/faults", kind="stuck", what="deployment")
    deployment = stage.deploy()
    # A task that starts later lives its whole life meanwhile.
    task = stage.clients("ecs").run_task(
        cluster="prod",
        taskDefinition="app",
        launchType="FARGATE",
        networkConfiguration=stage.network,
        overrides={"containerOverrides": [{"name": "app", "command": ["true"]}]},
    )["tasks"][0]["taskArn"]
    until(lambda: task in [each["taskArn"] for each in stage.tasks(desiredStatus="STOPPED")], "the task has ended")
    assert stage.deployment(deployment)["status"] == "Created"
    local_aws.admin("DELETE", "/faults")
    assert stage.ended(deployment)["status"] == "Succeeded"


def test_one_deployment_at_a_time(stage: Stage) -> None:
    """A second is refused while the first lasts, and the filters tell them apart."""
    client = stage.code_deploy(deploymentConfigName=AT_ONCE)
    deployment = stage.deploy()
    assert refused(stage.deploy) == "DeploymentLimitExceededException"
    stage.ended(deployment)
    later = stage.deploy()
    listed = client.list_deployments
    assert listed(**NAMES)["deployments"] == [later, deployment]
    assert listed(**NAMES, includeOnlyStatuses=["Succeeded"])["deployments"] == [deployment]
    both = client.batch_get_deployments(deploymentIds=[deployment, later])["deploymentsInfo"]
    assert [info["deploymentId"] for info in both] == [deployment, later]


def test_targets_are_not_told_before_the_start(stage: Stage, local_aws: LocalAws) -> None:
    """A deployment that has not started has no targets yet, and afterwards no others than the service."""
    local_aws.admin("POST", "/faults", kind="stuck", what="deployment")
    client = stage.code_deploy()
    deployment = stage.deploy()
    assert refused(client.list_deployment_targets, deploymentId=deployment) == "DeploymentNotStartedException"
    local_aws.admin("DELETE", "/faults")
    stage.started(deployment)
    assert client.list_deployment_targets(deploymentId=deployment)["targetIds"] == ["prod:app"]
    assert client.get_deployment_target(deploymentId=deployment, targetId="prod:app")["deploymentTarget"]["ecsTarget"]
    asked = client.batch_get_deployment_targets
    assert refused(asked, deploymentId=deployment, targetIds=["x"]) == "DeploymentTargetDoesNotExistException"
    assert refused(client.get_deployment, deploymentId="d-NONE") == "DeploymentDoesNotExistException"


@pytest.mark.parametrize("status", ["Succeeded", "Failed", ""])
def test_a_hook_must_report(stage: Stage, local_aws: LocalAws, clients: Clients, status: str) -> None:
    """The deployment waits for the function's report; a failure, or an hour without one, fails it."""
    clients("lambda").create_function(
        FunctionName="check",
        Runtime="python3.12",
        Role=role(clients, "check", "lambda.amazonaws.com"),
        Handler="f.f",
        Code={"ZipFile": b"zip"},
    )
    client = stage.code_deploy(deploymentConfigName=AT_ONCE)
    content = stage.app_spec(stage.revision("2"), Hooks=[{"AfterAllowTestTraffic": "check"}])
    deployment = stage.deploy(content)
    hook = until(lambda: local_aws.admin("GET", "/lifecycle-hooks")["hooks"], "the hook waits")[0]
    assert hook["lifecycleEventName"] == "AfterAllowTestTraffic"
    report = {name: hook[name] for name in ("deploymentId", "lifecycleEventHookExecutionId")}
    if status:
        client.put_lifecycle_event_hook_execution_status(**report, status=status)
    info = stage.ended(deployment)
    assert info["status"] == ("Succeeded" if status == "Succeeded" else "Failed")
    if status != "Succeeded":
        assert info["errorInformation"]["code"] == "HOOK_EXECUTION_FAILURE"
        assert stage.event(deployment, "AfterAllowTestTraffic") == "Failed"


def test_a_hook_without_its_function_fails_the_deployment(stage: Stage) -> None:
    """A function that does not exist can't be called."""
    stage.code_deploy()
    info = stage.ended(stage.deploy(stage.app_spec(stage.revision("2"), Hooks=[{"BeforeInstall": "absent"}])))
    assert (info["status"], info["errorInformation"]["code"]) == ("Failed", "HOOK_EXECUTION_FAILURE")
    stage.settled("blue")


def test_a_listener_that_leads_elsewhere_fails_the_deployment(stage: Stage, clients: Clients) -> None:
    """CodeDeploy shifts nothing between groups to which the listener does not forward."""
    stage.code_deploy()
    clients("elbv2").delete_rule(RuleArn=stage.rule)
    info = stage.ended(stage.deploy())
    assert (info["status"], info["errorInformation"]["code"]) == ("Failed", "ELASTIC_LOAD_BALANCING_INVALID")


def test_the_content_of_a_revision_is_told_by_its_hash_alone(stage: Stage) -> None:
    """get_deployment leaves out the AppSpec's content; get_application_revision has it."""
    client = stage.code_deploy()
    content = stage.app_spec(stage.revision("2"))
    revision = stage.deployment(stage.deploy(content))["revision"]
    assert "content" not in revision["appSpecContent"]
    told = client.get_application_revision(applicationName="app", revision=revision)["revision"]
    assert told["appSpecContent"]["content"] == content
