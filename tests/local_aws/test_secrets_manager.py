"""Secrets Manager on the local AWS: the current version is the one staged so."""

from __future__ import annotations

from prod_infra.local_aws.clients import Clients


def test_the_value_without_a_stage_is_the_current_one(clients: Clients) -> None:
    """Once the label moves back, as a rotation's undo does, so does the answer."""
    secrets = clients("secretsmanager")
    old = secrets.create_secret(Name="prod/app", SecretString="old")["VersionId"]
    new = secrets.put_secret_value(SecretId="prod/app", SecretString="new")["VersionId"]
    assert secrets.get_secret_value(SecretId="prod/app")["SecretString"] == "new"
    secrets.update_secret_version_stage(
        SecretId="prod/app", VersionStage="AWSCURRENT", RemoveFromVersionId=new, MoveToVersionId=old
    )
    assert secrets.get_secret_value(SecretId="prod/app")["SecretString"] == "old"


def test_a_secret_is_found_by_its_arn(clients: Clients) -> None:
    """Applications ask by ARN."""
    secrets = clients("secretsmanager")
    arn = secrets.create_secret(Name="prod/app", SecretString="value")["ARN"]
    assert secrets.get_secret_value(SecretId=arn)["SecretString"] == "value"
