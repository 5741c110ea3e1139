"""Reading a stack again without changing it, on both engines, and who changed a resource last."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from prod_infra.deployment.automation.pulumi_engine import PulumiEngine
from prod_infra.deployment.drift.owners import Owners
from prod_infra.deployment.drift.trail import Trail
from prod_infra.deployment.embedded.state import Operation
from prod_infra.deployment.engine import Change, ChangeKind, Engine, Program, Reading
from tests.deployment.conformance import _Stage
from tests.deployment.memory_cloud import Cloud, Node
from tests.deployment.sandbox import PASSPHRASE, engine, state_file
from tests.deployment.stories import pair, secret


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the passphrase that the sandbox sets back after each test."""
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", PASSPHRASE)


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _told(engine: Engine) -> dict[str, Any]:
    """Return by name what is not as declared: the differing properties, or None for what is gone."""
    return {
        one.change.name: None
        if one.change.kind is ChangeKind.DELETE
        else [(each.path, each.old, each.new) for each in one.change.properties]
        for one in engine.inspect().readings
        if one.change.kind is not ChangeKind.SAME
    }


def test_inspect_reports_and_leaves_the_state(tmp_path: Path) -> None:
    """What was changed or deleted behind the stack's back is seen again and again: no file changes."""
    cloud = Cloud()
    deployed = engine([Node("a", value=1), Node("b"), Node("c", needs=("b",))], cloud, tmp_path)
    deployed.up()
    assert _told(deployed) == {}
    ids = {thing["name"][0]: thing_id for thing_id, thing in cloud.things.items()}
    cloud.things[ids["a"]]["value"] = 9
    del cloud.things[ids["b"]]
    calls, files = list(cloud.calls), _bytes(tmp_path)
    for _ in range(2):
        assert _told(deployed) == {"a": [("value", 1, 9)], "b": None}
    assert (cloud.calls, _bytes(tmp_path)) == (calls, files)


def test_inspect_masks_secrets(tmp_path: Path) -> None:
    """A secret that somebody changed differs, and neither value is told."""
    cloud = Cloud()
    deployed = engine(secret, cloud, tmp_path)
    deployed.up()
    [thing] = cloud.things.values()
    thing["secret"] = "planted"
    assert _told(deployed) == {"a": [("secret", "[secret]", "[secret]")]}
    [reading] = deployed.inspect().readings
    assert "hunter2!" not in str(reading)
    assert "planted" not in str(reading)


def test_inspect_tells_of_an_operation_under_way(tmp_path: Path) -> None:
    """While another run works, or one was killed, what is read may be half done: that is said."""
    cloud = Cloud()
    deployed = engine([Node("a")], cloud, tmp_path)
    deployed.up()
    resources, _ = state_file(tmp_path).load()
    thing = next(one for one in resources if one.id)
    state_file(tmp_path).write(resources, [Operation(type="updating", resource=thing)])
    [warning] = deployed.inspect().warnings
    assert warning.startswith(f"updating {thing.urn} is under way")


@pytest.mark.pulumi_cli
@pytest.mark.skipif(not shutil.which("pulumi"), reason="the Pulumi CLI is not on PATH; no registry has it")
def test_the_real_engine_inspects_without_changing_its_state(tmp_path: Path) -> None:
    """Pulumi's own engine tells the same, and its state stays as it is."""
    stage = _Stage()
    try:
        stage.provider.cloud = cloud = Cloud()
        (tmp_path / "state").mkdir()
        deployed = PulumiEngine(
            Program(project="laws", stack="test", main=pair(), config={"memory:zone": "one"}),
            backend=f"file://{tmp_path}/state",
            environment={"PULUMI_DEBUG_PROVIDERS": f"memory:{stage.port}"},
            folder=tmp_path / "stack",
        )
        deployed.up()
        first, second = cloud.things  # the second needs the first
        cloud.things[first]["value"] = 9
        del cloud.things[second]
        before = deployed.export()
        assert _told(deployed) == {"a": [("value", 0, 9)], "b": None}
        assert deployed.export() == before
    finally:
        stage.close()


def _reading(token: str, resource_id: str, declared: dict[str, Any], actual: dict[str, Any] | None = None) -> Reading:
    urn = f"urn:pulumi:prod::prod-infra::{token}::one"
    change = Change(urn=urn, kind=ChangeKind.UPDATE)
    return Reading(change=change, id=resource_id, declared=declared, actual={**declared, **(actual or {})})


GROUP = _reading(
    "aws:codedeploy/deploymentGroup:DeploymentGroup",
    "group",
    {
        "ecsService": {"clusterName": "prod", "serviceName": "app"},
        "loadBalancerInfo": {
            "targetGroupPairInfo": {
                "targetGroups": [{"name": "blue"}, {"name": "green"}],
                "prodTrafficRoute": {"listenerArns": ["https"]},
                "testTrafficRoute": {"listenerArns": ["test"]},
            }
        },
    },
)
TARGETS = [
    _reading("aws:lb/targetGroup:TargetGroup", f"arn:{name}", {"name": name}) for name in ("blue", "green", "other")
]
SHARES = [{"arn": "arn:blue", "weight": 90}, {"arn": "arn:green", "weight": 10}]
STRAY = [{"arn": "arn:blue", "weight": 90}, {"arn": "arn:other", "weight": 10}]


@pytest.mark.parametrize(
    ("listener", "actions", "whose"),
    [
        ("https", [{"type": "forward", "targetGroupArn": "arn:green"}], "CodeDeploy"),
        ("https", [{"type": "forward", "forward": {"targetGroups": SHARES}}], "CodeDeploy"),
        ("https", [{"type": "forward", "forward": {"targetGroups": STRAY}}], ""),
        ("https", [{"type": "forward", "targetGroupArn": "arn:other"}], ""),
        ("https", [{"type": "fixed-response"}], ""),
        ("https", [], ""),
        ("another", [{"type": "forward", "targetGroupArn": "arn:green"}], ""),
    ],
)
def test_code_deploy_owns_what_leads_into_its_pair(listener: str, actions: list[Any], whose: str) -> None:
    """Only actions of its own listeners that all forward to its pair of groups are CodeDeploy's."""
    declared = {"listenerArn": listener, "actions": [{"type": "forward", "targetGroupArn": "arn:blue"}]}
    rule = _reading("aws:lb/listenerRule:ListenerRule", "rule", declared, {"actions": actions})
    owners = Owners([GROUP, *TARGETS, rule])
    assert owners.owner(rule, "actions[0].targetGroupArn").partition(":")[0] == whose
    assert owners.owner(rule, "priority") == ""


@pytest.mark.parametrize(
    ("path", "actual", "whose"),
    [
        ("taskDefinition", {"taskDefinition": "arn:aws:ecs:r:1:task-definition/app:7"}, "CodeDeploy"),
        ("taskDefinition", {"taskDefinition": "arn:aws:ecs:r:1:task-definition/evil:7"}, ""),
        ("loadBalancers[0].targetGroupArn", {"loadBalancers": [{"targetGroupArn": "arn:green"}]}, "CodeDeploy"),
        ("loadBalancers[0].targetGroupArn", {"loadBalancers": [{"targetGroupArn": "arn:other"}]}, ""),
        ("loadBalancers", {"loadBalancers": []}, ""),
        ("desiredCount", {"desiredCount": 8}, "scaling"),
        ("desiredCount", {"desiredCount": 0}, ""),
        ("tags.Owner", {"tags": {"Owner": "nobody"}}, ""),
    ],
)
def test_a_service_moves_between_its_groups_and_bounds(path: str, actual: dict[str, Any], whose: str) -> None:
    """Another revision of the family, the pair's other group and a count in bounds have owners; the rest is drift."""
    declared = {
        "name": "app",
        "cluster": "arn:aws:ecs:r:1:cluster/prod",
        "taskDefinition": "arn:aws:ecs:r:1:task-definition/app:1",
        "loadBalancers": [{"targetGroupArn": "arn:blue"}],
        "desiredCount": 2,
    }
    bounds = {"resourceId": "service/prod/app", "minCapacity": 2, "maxCapacity": 8}
    scaling = _reading("aws:appautoscaling/target:Target", "service/prod/app", bounds)
    service = _reading("aws:ecs/service:Service", "service", declared, actual)
    owners = Owners([GROUP, *TARGETS, scaling, service])
    assert owners.owner(service, path).partition(":")[0] == whose
    assert Owners([service]).owner(service, path) == "", "nobody declared an owner"


def _event(name: str, **more: Any) -> dict[str, Any]:
    return {
        "EventName": name,
        "EventTime": datetime(2026, 11, 22, 3, 4, 5, tzinfo=UTC),
        "EventSource": "s3.amazonaws.com",
        "ReadOnly": "false",
        "CloudTrailEvent": json.dumps({}),
        **more,
    }


def test_the_last_successful_write_tells_who() -> None:
    """Reads and refused calls are passed over, and a resource is looked for by ID, then by the end of its ARN."""
    client = boto3.client("cloudtrail", "eu-central-1", aws_access_key_id="local", aws_secret_access_key="local")
    asked: list[tuple[str, str | None]] = []

    def clients(service: str, region: str | None = None) -> Any:
        asked.append((service, region))
        return client

    role = _reading("aws:iam/role:Role", "arn:aws:iam::1:role/app", {"name": "app"})
    events = [
        _event("GetRole", ReadOnly="true", Username="reader"),
        _event("DeleteRole", Username="eve", CloudTrailEvent=json.dumps({"errorCode": "AccessDenied"})),
        _event("UpdateRole", Username="alice"),
        _event("CreateRole", Username="bob"),
    ]
    with Stubber(client) as stub:
        for name, answer in (("arn:aws:iam::1:role/app", []), ("app", events)):
            wanted = {"LookupAttributes": [{"AttributeKey": "ResourceName", "AttributeValue": name}], "MaxResults": 50}
            stub.add_response("lookup_events", {"Events": answer}, wanted)
        trail = Trail(clients)
        assert trail.last_change(role) == "alice, UpdateRole at 2026-11-22 03:04:05"
    assert asked == [("cloudtrail", "us-east-1")] * 2, "IAM has no region: its events are in us-east-1"


def test_a_trail_that_refuses_is_asked_once() -> None:
    """Without the permission nobody is named, that is said, and no further call is wasted."""
    client = boto3.client("cloudtrail", "eu-central-1", aws_access_key_id="local", aws_secret_access_key="local")
    bucket = _reading("aws:s3/bucket:Bucket", "images", {"bucket": "images"})
    with Stubber(client) as stub:
        stub.add_client_error("lookup_events", "AccessDeniedException")
        trail = Trail(lambda *_: client)
        assert trail.last_change(bucket) == "unknown"
        assert trail.last_change(replace(bucket, id="site")) == "unknown"
    assert "AccessDeniedException" in trail.warning
