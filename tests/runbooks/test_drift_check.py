"""`drift_check` and `prod-infra drift` on a deployed local AWS: what was planted is found, and nothing else happens."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prod_infra.deployment.drift import drift
from prod_infra.deployment.engine import Engine
from runbooks.core.environment import environment
from runbooks.records.record import Verdict
from tests.runbooks.rehearsed import Rehearsed, eventually, rehearsal

HEADER = "planted-and-never-to-be-shown"
GROUP = {"applicationName": "prod-app", "deploymentGroupName": "prod-app-blue-green"}
Planted = dict[str, Any]


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsed]:
    """One fresh environment for the module: after a release some properties differ by design."""
    with rehearsal(tmp_path_factory.mktemp("drift")) as found:
        yield found


def _engine(env: Rehearsed) -> Engine:
    return env.target.engine(environment(Path(), "prod", {}).program)


def _files(env: Rehearsed) -> dict[str, str]:
    """Return the digest of each file that an engine keeps."""
    folder = env.target.state_path("prod").parent
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.is_file()}


def _held(env: Rehearsed) -> Any:
    """Return what AWS holds, as far as drift is planted in it, and the locks."""
    ec2, s3, elbv2 = env.clients("ec2"), env.clients("s3"), env.clients("elbv2")
    deployed = env.deployed
    clusters = env.clients("docdb").describe_db_clusters()["DBClusters"]
    buckets = sorted(deployed.own_buckets.values())
    found = {
        "vpcs": ec2.describe_vpcs()["Vpcs"],
        "rules": ec2.describe_security_group_rules()["SecurityGroupRules"],
        "policies": [s3.get_bucket_policy(Bucket=name)["Policy"] for name in buckets],
        "evidence": s3.list_objects_v2(Bucket=deployed.bucket("evidence")).get("Contents", []),
        "clusters": [{**one, "LatestRestorableTime": "moves"} for one in clusters],
        "alarms": sorted(alarm["AlarmName"] for alarm in deployed.alarms("eu-central-1")),
        "listeners": [
            elbv2.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
            for _, listener in sorted(deployed.listeners.items())
        ],
        "service": {key: deployed.service[key] for key in ("taskDefinition", "desiredCount")},
    }
    return json.loads(json.dumps(found, default=str))


def _cli(env: Rehearsed, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("prod-infra")), "drift", "--endpoint", env.target.endpoint]
    environ = {**os.environ, "COLUMNS": "300", "NO_COLOR": "1"}
    return subprocess.run(
        [*command, *arguments],
        cwd=folder or env.directory,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def planted(env: Rehearsed) -> Iterator[Planted]:
    """Drift of several kinds, made as people make it; mended afterwards. Gives `type: {path: (declared, actual)}`."""
    deployed = env.deployed
    ec2, s3, docdb = env.clients("ec2"), env.clients("s3"), env.clients("docdb")
    ec2.create_tags(Resources=[deployed.vpc["VpcId"]], Tags=[{"Key": "Owner", "Value": "nobody"}])
    network = deployed.service["networkConfiguration"]["awsvpcConfiguration"]
    [group] = network["securityGroups"]
    ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    answer = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[ssh])
    rule = answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    images = deployed.bucket("images")
    policy = json.loads(s3.get_bucket_policy(Bucket=images)["Policy"])
    policy["Statement"] = policy["Statement"][:1]
    s3.put_bucket_policy(Bucket=images, Policy=json.dumps(policy))
    docdb.modify_db_cluster(
        DBClusterIdentifier=deployed.database["DBClusterIdentifier"], BackupRetentionPeriod=1, ApplyImmediately=True
    )
    alarm = next(one["AlarmName"] for one in deployed.alarms("eu-central-1") if "nat" in one["AlarmName"])
    env.clients("cloudwatch").delete_alarms(AlarmNames=[alarm])
    elbv2 = env.clients("elbv2")
    rules = elbv2.describe_rules(ListenerArn=deployed.listeners[443]["ListenerArn"])["Rules"]
    [own] = [one for one in rules if one["Priority"] == "1"]
    condition = {"HttpHeaderName": "X-Origin-Verify", "Values": [HEADER]}
    elbv2.modify_rule(RuleArn=own["RuleArn"], Conditions=[{"Field": "http-header", "HttpHeaderConfig": condition}])
    yield {
        "aws:ec2/vpc:Vpc": {"tags.Owner": (None, "nobody")},
        "aws:ec2/securityGroup:SecurityGroup": {f"ingress.{rule}": (None, "tcp 22-22, 10.0.0.0/8")},
        "aws:s3/bucketPolicy:BucketPolicy": {"policy": ...},
        "aws:docdb/cluster:Cluster": {"backupRetentionPeriod": (14, 1)},
        "aws:cloudwatch/metricAlarm:MetricAlarm": {},
        "aws:lb/listenerRule:ListenerRule": {"conditions": ("[secret]", "[secret]")},
    }
    ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rule])
    engine = _engine(env)
    engine.refresh()
    engine.up()
    assert drift.find(engine, env.clients).drifted == ()


def _found(report: dict[str, Any]) -> Planted:
    """Return a report's drift in the form of `planted`; a policy's text is known to differ, and not compared."""
    return {
        one["type"]: {
            each["path"]: ... if each["path"] == "policy" else (each["declared"], each["actual"])
            for each in one["properties"]
        }
        for one in report["drifted"]
    }


@pytest.mark.parametrize("dry_run", [False, True])
def test_fresh_environment_has_no_drift(env: Rehearsed, *, dry_run: bool) -> None:
    """Nothing differs, and neither AWS nor the state nor a lock is touched, whether dry or not."""
    files, held = _files(env), _held(env)
    record = env.run("drift_check", dry_run=dry_run)
    assert record.verdict is Verdict.SUCCEEDED, env.shown
    report = record.results["drift"]
    assert (report["drifted"], report["by_design"], report["warnings"]) == ([], [], [])
    assert report["resources"] > 150
    assert (record.plan, record.undo) == (None, [])
    assert (_files(env), _held(env)) == (files, held)


def test_planted_drift_is_found_exactly(env: Rehearsed, planted: Planted) -> None:
    """Each planted change is told by resource and path, a lost resource as missing, and no secret is shown."""
    files, held = _files(env), _held(env)
    record = env.run("drift_check")
    assert record.verdict is Verdict.FAILED
    report = record.results["drift"]
    assert _found(report) == planted
    assert [one["type"] for one in report["drifted"] if one["missing"]] == ["aws:cloudwatch/metricAlarm:MetricAlarm"]
    assert {one["last_change"] for one in report["drifted"]} == {"unknown"}
    assert report["warnings"] == ["who changed it is unknown: CloudTrail can't be asked (NotImplemented)"]
    assert env.shown.count("CloudTrail") == 1
    written = "".join(path.read_text() for path in env.folders[-1].rglob("*") if path.is_file())
    assert HEADER not in written + env.shown
    failed = {check["group"] for check in record.results["verification"]["checks"] if not check["passed"]}
    assert failed == {"ec2", "s3", "docdb", "cloudwatch", "lb"}
    assert (_files(env), _held(env)) == (files, held)

    done = _cli(env, "--format", "json")
    assert (done.returncode, done.stderr) == (1, "")
    assert _found(json.loads(done.stdout)) == planted
    table = _cli(env)
    assert table.returncode == 1
    assert "backupRetentionPeriod: declared 14, actual 1" in table.stdout
    assert (_files(env), _held(env)) == (files, held)


def test_command_without_drift_succeeds(env: Rehearsed) -> None:
    """`prod-infra drift` ends with 0 and says so."""
    done = _cli(env)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.endswith("resources read: no drift\n")


def test_without_a_state_nothing_is_declared(env: Rehearsed, tmp_path: Path) -> None:
    """Asked from a directory that has no state, the command fails instead of finding no drift."""
    done = _cli(env, folder=tmp_path)
    assert done.returncode == 1
    assert "no state of this stack here" in done.stderr
    assert "Traceback" not in done.stderr


def test_scaling_within_its_bounds_is_no_drift(env: Rehearsed) -> None:
    """What Application Auto Scaling may set is its own; more than it may set is drift."""
    ecs = env.clients("ecs")
    service = {"cluster": env.deployed.service["clusterArn"], "service": env.deployed.service["serviceArn"]}
    ecs.update_service(**service, desiredCount=3)
    report = drift.find(_engine(env), env.clients)
    assert report.drifted == ()
    assert [(one.properties[0].path, one.owner) for one in report.by_design] == [
        ("desiredCount", "scaling: between 2 and 8")
    ]
    ecs.update_service(**service, desiredCount=9)
    report = drift.find(_engine(env), env.clients)
    assert [(one.name, one.properties[0].new) for one in report.drifted] == [("prod-ecs", 9)]
    ecs.update_service(**service, desiredCount=2)


def _release(env: Rehearsed) -> None:
    """Let CodeDeploy move the service to a new revision."""
    ecs, code_deploy = env.clients("ecs"), env.clients("codedeploy")
    old = env.deployed.task_definition
    settings = {
        key: old[key]
        for key in (
            "family",
            "containerDefinitions",
            "cpu",
            "memory",
            "networkMode",
            "requiresCompatibilities",
            "executionRoleArn",
            "taskRoleArn",
        )
    }
    new = ecs.register_task_definition(**settings)["taskDefinition"]["taskDefinitionArn"]
    properties = {"TaskDefinition": new, "LoadBalancerInfo": {"ContainerName": "app", "ContainerPort": 8080}}
    content = {
        "version": "0.0",
        "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}}],
    }
    revision = {"revisionType": "AppSpecContent", "appSpecContent": {"content": json.dumps(content)}}
    made = code_deploy.create_deployment(
        **GROUP, revision=revision, deploymentConfigName="CodeDeployDefault.ECSAllAtOnce"
    )["deploymentId"]

    def stands(status: str) -> bool:
        return bool(code_deploy.get_deployment(deploymentId=made)["deploymentInfo"]["status"] == status)

    eventually(lambda: stands("Ready"))
    code_deploy.continue_deployment(deploymentId=made, deploymentWaitType="READY_WAIT")
    eventually(lambda: env.deployed.service["taskSets"] and env.deployed.service["taskDefinition"] == new)


def test_what_code_deploy_moved_is_no_drift(env: Rehearsed) -> None:
    """After a release only CodeDeploy's own properties differ; what leads out of its pair of groups is drift."""
    _release(env)
    record = env.run("drift_check")
    assert record.verdict is Verdict.SUCCEEDED, env.shown
    owned = {
        each["path"].split("[")[0]: one["owner"]
        for one in record.results["drift"]["by_design"]
        for each in one["properties"]
    }
    assert set(owned) == {"actions", "defaultActions", "taskDefinition", "loadBalancers"}
    assert all(owner.startswith("CodeDeploy: ") for owner in owned.values())

    elbv2, test = env.clients("elbv2"), env.deployed.listeners[8443]
    gone = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}
    elbv2.modify_listener(ListenerArn=test["ListenerArn"], DefaultActions=[gone])
    report = drift.find(_engine(env), env.clients)
    assert [one.name for one in report.drifted] == ["prod-alb-test"]
    assert {each.path.split("[")[0] for each in report.drifted[0].properties} == {"defaultActions"}
    elbv2.modify_listener(ListenerArn=test["ListenerArn"], DefaultActions=test["DefaultActions"])
    assert drift.find(_engine(env), env.clients).drifted == ()
