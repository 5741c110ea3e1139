"""`release` as users run it: nothing is lost, and whatever goes wrong the old revision has all traffic again."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prod_infra.errors import InvalidInputError
from runbooks.core.environment import environment
from runbooks.records.record import Verdict
from runbooks.running import runner
from tests.runbooks.rehearsed import Rehearsed
from tests.runbooks.releasing import GROUP, Stage, image

QUICK: dict[str, Any] = {"bake_minutes": 0.02}


@pytest.fixture
def stage(rehearsed: Rehearsed) -> Iterator[Stage]:
    """The environment that modules share, with no deployment under way, before or after."""
    stage = Stage(rehearsed.directory, rehearsed.target, rehearsed.clients)
    yield stage
    stage.settle()


def app_spec(definition: dict[str, Any]) -> dict[str, Any]:
    """Return CodeDeploy's revision for a task definition, as another tool would make it."""
    properties = {
        "TaskDefinition": definition["taskDefinitionArn"],
        "LoadBalancerInfo": {"ContainerName": "app", "ContainerPort": 8080},
    }
    service = {"Type": "AWS::ECS::Service", "Properties": properties}
    content = json.dumps({"version": 0.0, "Resources": [{"TargetService": service}]})
    return {"revisionType": "AppSpecContent", "appSpecContent": {"content": content}}


def test_release_loses_nothing(stage: Stage) -> None:
    """Under 50 requests a second none is lost, revisions mix only in the shift, and the program sees no change."""
    before = stage.live
    record, shown = stage.run("release", image=image("a"), **QUICK)
    assert record.verdict is Verdict.SUCCEEDED, shown
    new = stage.definition(stage.live)
    old = stage.definition(before)
    assert new["containerDefinitions"][0] == {**old["containerDefinitions"][0], "image": image("a")}
    assert stage.weights == {stage.live: 100}
    measured = record.measured
    assert measured is not None
    assert sum(measured.failed.values()) == 0
    assert measured.requests["write"] > 50
    assert measured.rpo == 0
    assert measured.revisions is not None
    assert measured.revisions.before == [before]
    assert measured.revisions.after == [stage.live]
    assert set(measured.revisions.during) == {before, stage.live}
    release = record.results["release"]
    assert 0 < release["seconds_to_first_traffic"] < release["seconds_to_all_traffic"]
    assert release["test_listener"] == "passed: /api/health, /api/version"
    preview = stage.target.engine(environment(Path(), "prod", {}).program).preview()
    assert [change for change in preview.changes if change.kind.value != "same"] == []


def test_dry_run_changes_nothing(stage: Stage) -> None:
    """A dry run prints the exact calls, registers nothing and deploys nothing."""
    was = (stage.live, stage.revisions, stage.deployments(), stage.weights)
    record, shown = stage.run("release", image=image("b"), dry_run=True, **QUICK)
    assert record.verdict is Verdict.SUCCEEDED, shown
    assert "ecs.register_task_definition(" in shown
    assert "codedeploy.create_deployment(" in shown
    assert "codedeploy.continue_deployment(" in shown
    assert (stage.live, stage.revisions, stage.deployments(), stage.weights) == was


def test_bad_image_rolls_back_by_itself(stage: Stage) -> None:
    """A revision whose tasks never get healthy is given up in time; the old one has all traffic, nothing is left."""
    was = (stage.live, stage.revisions)
    with stage.fault(kind="tasks-fail", task_definition=stage.next_revision):
        record, shown = stage.run("release", image=image("c"), timeout_minutes=0.1, **QUICK)
    assert record.verdict is Verdict.FAILED, shown
    assert all(undone.done for undone in record.undo)
    assert (stage.live, stage.revisions) == was
    assert stage.weights == {was[0]: 100}
    assert record.measured is not None
    assert sum(record.measured.failed.values()) == 0


def test_alarm_in_the_shift_rolls_back(stage: Stage) -> None:
    """An alarm while traffic shifts brings it all back."""
    was = (stage.live, stage.revisions)
    process = stage.start("run", "release", "-p", f"image={image('d')}", "-p", "bake_minutes=0.02")
    stage.wait_for_the_shift(process)
    with stage.firing() as name:
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 1, said
    assert name in said or "ALARM_ACTIVE" in said
    assert (stage.live, stage.revisions) == was
    assert stage.weights == {was[0]: 100}


def test_killed_release_is_undone_from_its_journal(stage: Stage) -> None:
    """Kill -9 of the runner in the shift: undo brings all traffic back, and twice is harmless."""
    was = (stage.live, stage.revisions)
    process = stage.start("run", "release", "-p", f"image={image('e')}", "-p", "bake_minutes=0.02")
    stage.wait_for_the_shift(process)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    done, said = stage.undo(stage.newest_run)
    assert done == [True, True], said
    assert (stage.live, stage.revisions) == was
    assert stage.weights == {was[0]: 100}
    done, said = stage.undo(stage.newest_run)
    assert "nothing to take back" in said


def test_what_is_under_way_or_firing_refuses_a_release(stage: Stage) -> None:
    """A deployment in progress, a firing alarm and the image that runs are refused; nothing is changed."""
    was = stage.live
    running = stage.definition(was)["containerDefinitions"][0]["image"]
    with stage.firing() as name:
        record, _ = stage.run("release", image=image("f"))
    assert record.error is not None
    assert name in record.error.message
    record, _ = stage.run("release", image=running)
    assert record.error is not None
    assert "runs that already" in record.error.message
    client = stage.clients("codedeploy")
    name = client.create_deployment(**GROUP, revision=app_spec(stage.definition("prod-app:1")))["deploymentId"]
    record, _ = stage.run("release", image=image("f"))
    client.stop_deployment(deploymentId=name, autoRollbackEnabled=True)
    assert record.error is not None
    assert f"{name} is in progress" in record.error.message
    stage.settle()
    assert stage.live == was


def test_bad_input_is_refused_before_anything_runs(tmp_path: Path) -> None:
    """An image without digest, two things to release, none, a folder without front page: each is named."""
    cases = {
        "image: ": {"image": "registry.example.com/app:latest"},
        "one of the two": {"image": image("a"), "task_definition": "prod-app:1"},
        "Nothing is to be released": {},
        "has no index.html": {"site_dir": str(tmp_path)},
    }
    for words, given in cases.items():
        with pytest.raises(InvalidInputError) as caught:
            runner.run("release", given)
        assert any(words in fault for fault in caught.value.faults), caught.value.faults


def test_site_is_synced_and_taken_back(stage: Stage, tmp_path: Path) -> None:
    """The folder gets into the bucket, assets first; undo brings back every version, deletions too."""
    s3 = stage.clients("s3")
    [bucket] = [one["Name"] for one in s3.list_buckets()["Buckets"] if one["Name"].startswith("prod-site")]
    s3.put_object(Bucket=bucket, Key="index.html", Body=b"old", ContentType="text/html")
    s3.put_object(Bucket=bucket, Key="gone.html", Body=b"gone", ContentType="text/html")
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("new")
    (tmp_path / "assets/app.3f9c2b1a.js").write_text("let x")
    record, shown = stage.run("release", site_dir=str(tmp_path), site_delete=True)
    assert record.verdict is Verdict.SUCCEEDED, shown
    assert record.plan is not None
    keys = [call.parameters["Key"] for call in record.plan.steps[0].calls]
    assert keys == ["assets/app.3f9c2b1a.js", "index.html", "gone.html"]
    page = s3.get_object(Bucket=bucket, Key="index.html")
    assert (page["Body"].read(), page["ContentType"], page["CacheControl"]) == (
        b"new",
        "text/html; charset=utf-8",
        "no-cache",
    )
    asset = s3.head_object(Bucket=bucket, Key="assets/app.3f9c2b1a.js")
    assert "immutable" in asset["CacheControl"]
    done, said = stage.undo(record.id)
    assert done == [True], said
    found = {item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert found == {"index.html", "gone.html"}
    assert s3.get_object(Bucket=bucket, Key="index.html")["Body"].read() == b"old"
