"""Secrets and their versions."""

from __future__ import annotations

import pytest

from prod_infra.errors import ProdInfraError
from prod_infra.local_aws.clients import Clients
from tests.local_aws.provider.lifecycle import Resource, made, run_lifecycle

SECRET = "aws:secretsmanager/secret:Secret"
VERSION = "aws:secretsmanager/secretVersion:SecretVersion"
NAME = "prod/docdb/master_password"


@pytest.fixture
def secret(clients: Clients) -> Resource:
    """A secret without a value."""
    return made(clients, SECRET, {"name": NAME, "recoveryWindowInDays": 0})


def test_secret(clients: Clients) -> None:
    """A secret lives; description, window and tags change in place."""
    inputs = {"name": NAME, "description": "master", "recoveryWindowInDays": 0, "tags": {"Name": "db"}}
    changed = {**inputs, "description": "the master password", "tags": {"Owner": "platform"}}
    state = run_lifecycle(clients, SECRET, inputs, changed)
    assert state["id"] == state["arn"]
    assert state["arn"].startswith(f"arn:aws:secretsmanager:eu-central-1:123456789012:secret:{NAME}-")


def test_recovery_window_keeps_the_secret(clients: Clients) -> None:
    """By default a deleted secret can be restored for 30 days, and reads as gone."""
    resource = made(clients, SECRET, {"name": NAME})
    resource.delete()
    assert resource.read() is None
    assert "DeletedDate" in clients("secretsmanager").describe_secret(SecretId=resource.id)


def test_no_window_deletes_at_once(clients: Clients, secret: Resource) -> None:
    """With a window of 0 days the name is free again."""
    secret.delete()
    assert clients("secretsmanager").list_secrets()["SecretList"] == []


@pytest.mark.parametrize("days", [1, 31, -1])
def test_window_out_of_range_is_refused(clients: Clients, days: int) -> None:
    """Only 0 and 7 to 30 days can be."""
    assert "recoveryWindowInDays" in Resource(clients, SECRET).check({"name": NAME, "recoveryWindowInDays": days})


def test_version(clients: Clients, secret: Resource) -> None:
    """A value lives; AWS keeps the current one until its secret goes."""
    inputs = {"secretId": secret.id, "secretString": "hunter2-hunter2"}
    state = run_lifecycle(clients, VERSION, inputs, secrets={"secretString"}, vanishes=False)
    assert state["id"] == f"{secret.id}|{state['versionId']}"
    assert state["versionStages"] == ["AWSCURRENT"]
    assert clients("secretsmanager").get_secret_value(SecretId=NAME)["SecretString"] == "hunter2-hunter2"
    assert state["versionId"] not in {"hunter2-hunter2", ""}


def test_value_is_secret_in_the_state(clients: Clients, secret: Resource) -> None:
    """The state marks the value as secret even where the program forgot to."""
    version = made(clients, VERSION, {"secretId": secret.id, "secretString": "hunter2-hunter2"})
    assert version.typed_state["secretString"].is_secret


def test_new_value_is_a_new_version(clients: Clients, secret: Resource) -> None:
    """Another value replaces the version; the old one loses its label with its deletion."""
    old = made(clients, VERSION, {"secretId": secret.id, "secretString": "first-value"})
    old.check({"secretId": secret.id, "secretString": "second-value"})
    assert old.diff().replaces == ["secretString"]
    new = made(clients, VERSION, {"secretId": secret.id, "secretString": "second-value"}, "new")
    old.delete()
    assert old.read() is None
    assert new.state["versionStages"] == ["AWSCURRENT"]
    assert new.recover() == new.id


def test_version_of_a_deleted_secret_is_gone(clients: Clients) -> None:
    """A secret in its recovery window has no values to read."""
    secret = made(clients, SECRET, {"name": NAME})
    version = made(clients, VERSION, {"secretId": secret.id, "secretString": "first-value"})
    secret.delete()
    assert version.read() is None
    version.delete()


def test_value_stays_out_of_errors(clients: Clients) -> None:
    """AWS's refusal does not carry the value."""
    resource = Resource(clients, VERSION)
    resource.check({"secretId": "prod/none", "secretString": "hunter2-hunter2"}, {"secretString"})
    with pytest.raises(ProdInfraError) as caught:
        resource.create()
    assert "hunter2" not in str(caught.value)
