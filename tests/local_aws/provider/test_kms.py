"""Keys and aliases through their life."""

from __future__ import annotations

import json

from prod_infra.local_aws.clients import Clients
from tests.local_aws.provider.lifecycle import Resource, made, run_lifecycle

KEY = "aws:kms/key:Key"
ALIAS = "aws:kms/alias:Alias"


def policy(action: str = "kms:*") -> str:
    """Return a key policy for the account."""
    statement = {
        "Sid": "Account",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
        "Action": action,
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_key(clients: Clients) -> None:
    """A key rotates, and policy, description, rotation and tags change in place."""
    first = {"description": "logs", "policy": policy(), "enableKeyRotation": True, "tags": {"Name": "logs"}}
    changed = {**first, "description": "all logs", "policy": policy("kms:Describe*"), "tags": {"Name": "all"}}
    state = run_lifecycle(clients, KEY, first, changed, {**changed, "enableKeyRotation": False})
    assert state["arn"].endswith(f":key/{state['keyId']}")


def test_key_says_that_it_is_of_one_region(clients: Clients) -> None:
    """AWS says of every key whether it is a multi-Region one."""
    key = made(clients, KEY, {})
    assert clients("kms").describe_key(KeyId=key.id)["KeyMetadata"]["MultiRegion"] is False


def test_key_waits_for_its_deletion(clients: Clients) -> None:
    """A deleted key is unusable for its window before it is gone for good."""
    key = made(clients, KEY, {"deletionWindowInDays": 7})
    key.delete()
    held = clients("kms").describe_key(KeyId=key.id)["KeyMetadata"]
    assert held["KeyState"] == "PendingDeletion"
    assert key.read() is None


def test_key_can_be_disabled(clients: Clients) -> None:
    """A key is disabled in place."""
    key = made(clients, KEY, {"description": "x"})
    assert key.check({"description": "x", "isEnabled": False}) == {}
    key.update()
    assert clients("kms").describe_key(KeyId=key.id)["KeyMetadata"]["Enabled"] is False


def test_alias(clients: Clients) -> None:
    """An alias leads to a key, named by ID or ARN, and then to another."""
    first, second = made(clients, KEY, {}, "first"), made(clients, KEY, {}, "second")
    by_arn = {"name": "alias/prod-logs", "targetKeyId": first.state["arn"]}
    state = run_lifecycle(clients, ALIAS, by_arn, {**by_arn, "targetKeyId": second.id})
    assert state["targetKeyArn"] == second.state["arn"]


def test_alias_of_awss_own_is_refused(clients: Clients) -> None:
    """Names under alias/aws/ are AWS's, and every alias begins with alias/."""
    assert "name" in Resource(clients, ALIAS).check({"name": "alias/aws/s3", "targetKeyId": "x"})
    assert "name" in Resource(clients, ALIAS).check({"name": "logs", "targetKeyId": "x"})
