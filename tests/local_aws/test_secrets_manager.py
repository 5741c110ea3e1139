"""Secrets Manager on the local AWS: staging labels, idempotence, refusals and deletion windows."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.server import LocalAws
from tests.local_aws.environment import refused

NAME = "prod/app"


@pytest.fixture
def secrets(clients: Clients) -> Any:
    """The client, with a secret that holds `old`."""
    client = clients("secretsmanager")
    client.create_secret(Name=NAME, SecretString="old")
    return client


def stages(secrets: Any) -> dict[str, list[str]]:
    """Return the labels by version of the secret."""
    held = secrets.describe_secret(SecretId=NAME)["VersionIdsToStages"]
    return {version: sorted(labels) for version, labels in held.items()}


def value(secrets: Any, **which: str) -> str:
    """Return the value of a version, by default the current one."""
    found: str = secrets.get_secret_value(SecretId=NAME, **which)["SecretString"]
    return found


def put(secrets: Any, content: str, *labels: str) -> str:
    """Put a value and return its version."""
    given = {"VersionStages": list(labels)} if labels else {}
    version: str = secrets.put_secret_value(SecretId=NAME, SecretString=content, **given)["VersionId"]
    return version


def test_a_secret_is_found_by_its_arn(secrets: Any) -> None:
    """Applications ask by ARN."""
    arn = secrets.describe_secret(SecretId=NAME)["ARN"]
    assert secrets.get_secret_value(SecretId=arn)["SecretString"] == "old"


def test_a_new_value_is_current_and_the_one_before_is_previous(secrets: Any) -> None:
    """Each put moves both labels; a version without a label is no longer told of, nor asked for by label."""
    first = next(iter(stages(secrets)))
    second = put(secrets, "second")
    assert stages(secrets) == {first: ["AWSPREVIOUS"], second: ["AWSCURRENT"]}
    third = put(secrets, "third")
    assert stages(secrets) == {second: ["AWSPREVIOUS"], third: ["AWSCURRENT"]}
    assert (value(secrets), value(secrets, VersionStage="AWSPREVIOUS")) == ("third", "second")


def test_a_pending_value_changes_nothing_until_it_is_made_current(secrets: Any) -> None:
    """A rotation's steps: pending, then current by moving the label, which moves AWSPREVIOUS too."""
    old = next(iter(stages(secrets)))
    new = put(secrets, "new", "AWSPENDING")
    assert (value(secrets), value(secrets, VersionStage="AWSPENDING")) == ("old", "new")
    secrets.update_secret_version_stage(
        SecretId=NAME, VersionStage="AWSCURRENT", RemoveFromVersionId=old, MoveToVersionId=new
    )
    assert value(secrets) == "new"
    assert stages(secrets) == {old: ["AWSPREVIOUS"], new: ["AWSCURRENT", "AWSPENDING"]}


def test_moving_the_label_back_undoes_a_rotation(secrets: Any) -> None:
    """The old version is current again, and the next put makes it the previous one."""
    old = next(iter(stages(secrets)))
    new = put(secrets, "new")
    secrets.update_secret_version_stage(
        SecretId=NAME, VersionStage="AWSCURRENT", RemoveFromVersionId=new, MoveToVersionId=old
    )
    assert value(secrets) == "old"
    assert stages(secrets) == {old: ["AWSCURRENT"], new: ["AWSPREVIOUS"]}
    third = put(secrets, "third")
    assert stages(secrets) == {old: ["AWSPREVIOUS"], third: ["AWSCURRENT"]}


def test_own_labels_stay_where_they_were_put(secrets: Any) -> None:
    """Losing AWSCURRENT costs a version no other label; a label given again moves."""
    marked = put(secrets, "marked", "AWSCURRENT", "stable")
    newer = put(secrets, "newer")
    assert stages(secrets)[marked] == ["AWSPREVIOUS", "stable"]
    moved = put(secrets, "moved", "AWSCURRENT", "stable")
    assert stages(secrets) == {newer: ["AWSPREVIOUS"], moved: ["AWSCURRENT", "stable"]}


def test_a_label_that_another_version_has_must_be_named_there(secrets: Any) -> None:
    """A label is moved only by one who knows where it is, and AWSCURRENT is never without a version."""
    old = next(iter(stages(secrets)))
    new = put(secrets, "new")
    move = secrets.update_secret_version_stage
    expected = "InvalidParameterException"
    assert refused(move, SecretId=NAME, VersionStage="AWSCURRENT", MoveToVersionId=old) == expected
    assert refused(move, SecretId=NAME, VersionStage="AWSCURRENT", RemoveFromVersionId=new) == expected
    assert (
        refused(move, SecretId=NAME, VersionStage="AWSCURRENT", RemoveFromVersionId=old, MoveToVersionId=new)
        == expected
    )
    assert refused(move, SecretId=NAME, VersionStage="AWSCURRENT", MoveToVersionId=str(uuid.uuid4())) == (
        "ResourceNotFoundException"
    )
    assert value(secrets) == "new"


def test_a_label_may_be_taken_off(secrets: Any) -> None:
    """Removing the pending label leaves a version that is only found by its ID, as deprecated."""
    new = put(secrets, "new", "AWSPENDING")
    secrets.update_secret_version_stage(SecretId=NAME, VersionStage="AWSPENDING", RemoveFromVersionId=new)
    assert new not in stages(secrets)
    listed = secrets.list_secret_version_ids(SecretId=NAME)
    assert listed["ARN"].startswith("arn:aws:secretsmanager:")
    assert new not in {version["VersionId"] for version in listed["Versions"]}
    every = secrets.list_secret_version_ids(SecretId=NAME, IncludeDeprecated=True)["Versions"]
    assert new in {version["VersionId"] for version in every}


@pytest.mark.parametrize("labels", [["AWSCURRENT"], ["AWSPENDING"]])
def test_a_token_makes_one_version(secrets: Any, labels: list[str]) -> None:
    """The same call again changes nothing; the token with another value is refused."""
    token = str(uuid.uuid4())
    call = {"SecretId": NAME, "ClientRequestToken": token, "VersionStages": labels}
    first = secrets.put_secret_value(SecretString="new", **call)
    put_again = secrets.put_secret_value(SecretString="new", **call)
    assert first["VersionId"] == put_again["VersionId"] == token
    assert len(stages(secrets)) == 2
    assert refused(secrets.put_secret_value, SecretString="other", **call) == "ResourceExistsException"
    assert value(secrets, VersionId=token) == "new"


def test_no_value_for_a_label_is_not_found(secrets: Any) -> None:
    """Asking for a label that no version has, or of no secret at all, is AWS's not-found."""
    assert refused(value, secrets=secrets, VersionStage="AWSPENDING") == "ResourceNotFoundException"
    assert refused(secrets.list_secret_version_ids, SecretId="absent") == "ResourceNotFoundException"


def test_rotation_needs_a_function_and_no_rotation_under_way(secrets: Any) -> None:
    """Without a function nothing rotates, and the labels stay."""
    assert refused(secrets.rotate_secret, SecretId=NAME) == "InvalidRequestException"
    assert [*stages(secrets).values()] == [["AWSCURRENT"]]
    function = "arn:aws:lambda:eu-central-1:123456789012:function:rotate"
    assert refused(secrets.rotate_secret, SecretId=NAME, RotationLambdaARN=function) == "AccessDeniedException"
    put(secrets, "half", "AWSPENDING")
    assert refused(secrets.rotate_secret, SecretId=NAME, RotationLambdaARN=function) == "InvalidRequestException"


def test_a_secret_pending_deletion_is_out_of_reach_and_keeps_its_name(secrets: Any) -> None:
    """It can be neither read nor changed nor made again, until it is restored."""
    assert refused(secrets.delete_secret, SecretId=NAME, RecoveryWindowInDays=6) == "InvalidParameterException"
    secrets.delete_secret(SecretId=NAME, RecoveryWindowInDays=7)
    version = str(uuid.uuid4())
    for call, arguments in (
        (secrets.get_secret_value, {"SecretId": NAME}),
        (secrets.put_secret_value, {"SecretId": NAME, "SecretString": "x"}),
        (secrets.update_secret, {"SecretId": NAME, "SecretString": "x"}),
        (secrets.update_secret_version_stage, {"SecretId": NAME, "VersionStage": "x", "MoveToVersionId": version}),
        (secrets.rotate_secret, {"SecretId": NAME}),
        (secrets.create_secret, {"Name": NAME, "SecretString": "x"}),
    ):
        assert refused(call, **arguments) == "InvalidRequestException", call
    secrets.restore_secret(SecretId=NAME)
    assert value(secrets) == "old"


def test_the_name_is_free_again_after_the_window(local_aws: LocalAws, secrets: Any) -> None:
    """The deletion happens when its window is over."""
    local_aws.admin("POST", "/clock", factor=1e10)
    try:
        secrets.delete_secret(SecretId=NAME, RecoveryWindowInDays=7)
        assert secrets.create_secret(Name=NAME, SecretString="another")["Name"] == NAME
    finally:
        local_aws.admin("POST", "/clock", factor=60)
