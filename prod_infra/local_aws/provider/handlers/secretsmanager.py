"""Secrets Manager: secrets and their values. A value never reaches a message."""

from __future__ import annotations

import base64
from typing import Any

from prod_infra.local_aws.provider.handler import AutoName, Handler
from prod_infra.local_aws.provider.handlers.common import (
    absent_is_fine,
    compact,
    found,
    tag_changes,
    tag_list,
    tag_state,
    tags_of,
    wait_until,
)
from prod_infra.properties import Props

_NO_SECRET = "ResourceNotFoundException"
_CURRENT = "AWSCURRENT"


class Secret(Handler):
    """A secret's container: name, key, tags and policy, without a value."""

    token = "aws:secretsmanager/secret:Secret"
    inputs = frozenset({"name", "description", "kmsKeyId", "policy", "recoveryWindowInDays", "tags"})
    replace_on = frozenset({"name"})
    defaults = {"recoveryWindowInDays": 30}
    json_inputs = frozenset({"policy"})
    write_only = frozenset({"recoveryWindowInDays"})
    outputs = frozenset({"arn", "tagsAll", "policy"})
    auto_name = AutoName(max_length=512)

    def faults(self, inputs: Props) -> dict[str, str]:
        """Refuse a recovery window that AWS would refuse only at the deletion."""
        days = inputs.get("recoveryWindowInDays", 30)
        # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html
        if isinstance(days, int) and days != 0 and not 7 <= days <= 30:  # noqa: PLR2004  AWS's bounds
            return {"recoveryWindowInDays": f"must be 0 (delete at once) or from 7 to 30 days, not {days}"}
        return {}

    def create(self, inputs: Props) -> str:
        """Create the secret and put its policy."""
        client = self.clients("secretsmanager")
        answer = client.create_secret(
            **compact(
                {
                    "Name": inputs["name"],
                    "Description": inputs.get("description"),
                    "KmsKeyId": inputs.get("kmsKeyId"),
                    "Tags": tag_list(inputs.get("tags")) or None,
                }
            )
        )
        arn = self.made(answer["ARN"])
        if inputs.get("policy"):
            client.put_resource_policy(SecretId=arn, ResourcePolicy=inputs["policy"], BlockPublicPolicy=True)
        return arn

    def _secret(self, resource_id: str) -> Any | None:
        held = found(lambda: self.clients("secretsmanager").describe_secret(SecretId=resource_id), _NO_SECRET)
        # A secret in its recovery window still answers, with the date of its deletion.
        return None if held is None or held.get("DeletedDate") else held

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the secret without its value; one that waits for its deletion counts as gone."""
        held = self._secret(resource_id)
        if held is None:
            return None
        policy = found(lambda: self.clients("secretsmanager").get_resource_policy(SecretId=resource_id), _NO_SECRET)
        return {
            "name": held["Name"],
            "arn": held["ARN"],
            "recoveryWindowInDays": state.get("recoveryWindowInDays", 30),
            **compact(
                {
                    "description": held.get("Description"),
                    "kmsKeyId": held.get("KmsKeyId"),
                    "policy": (policy or {}).get("ResourcePolicy"),
                }
            ),
            **tag_state(tags_of(held.get("Tags"))),
        }

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Set description, key, policy and tags; the recovery window is only kept for the deletion."""
        client = self.clients("secretsmanager")
        if changed & {"description", "kmsKeyId"}:
            client.update_secret(
                **compact(
                    {
                        "SecretId": resource_id,
                        "Description": new.get("description", ""),
                        "KmsKeyId": new.get("kmsKeyId"),
                    }
                )
            )
        if "policy" in changed and new.get("policy"):
            client.put_resource_policy(SecretId=resource_id, ResourcePolicy=new["policy"], BlockPublicPolicy=True)
        elif "policy" in changed:
            client.delete_resource_policy(SecretId=resource_id)
        if "tags" in changed:
            to_set, to_remove = tag_changes(old.get("tags"), new.get("tags"))
            if to_remove:
                client.untag_resource(SecretId=resource_id, TagKeys=to_remove)
            if to_set:
                client.tag_resource(SecretId=resource_id, Tags=tag_list(to_set))

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete at once where the recovery window is 0 days, and schedule the deletion otherwise."""
        days = state.get("recoveryWindowInDays", 30)
        how = {"RecoveryWindowInDays": days} if days else {"ForceDeleteWithoutRecovery": True}
        if self._secret(resource_id) is None:
            return
        with absent_is_fine(_NO_SECRET):
            self.clients("secretsmanager").delete_secret(SecretId=resource_id, **how)
        wait_until(f"the secret {resource_id} is deleted", lambda: self._secret(resource_id) is None, seconds=120)

    def find(self, inputs: Props) -> str | None:
        """Return the ARN of the secret of that name."""
        held = self._secret(inputs["name"])
        return held and str(held["ARN"])


class SecretVersion(Handler):
    """One value of a secret. AWS's staging labels say which value is current."""

    token = "aws:secretsmanager/secretVersion:SecretVersion"
    inputs = frozenset({"secretId", "secretString", "secretBinary", "versionStages"})
    replace_on = frozenset({"secretId", "secretString", "secretBinary"})
    set_inputs = frozenset({"versionStages"})
    outputs = frozenset({"arn", "secretArn", "versionId", "versionStages", "hasSecretStringWo"})
    secret_outputs = frozenset({"secretString", "secretBinary"})

    def create(self, inputs: Props) -> str:
        """Put the value; AWS moves `AWSCURRENT` to it, and `AWSPREVIOUS` to the one before."""
        binary = inputs.get("secretBinary")
        answer = self.clients("secretsmanager").put_secret_value(
            **compact(
                {
                    "SecretId": inputs["secretId"],
                    "SecretString": inputs.get("secretString"),
                    "SecretBinary": base64.b64decode(binary) if binary else None,
                    "VersionStages": inputs.get("versionStages"),
                }
            )
        )
        return self.made(f"{inputs['secretId']}|{answer['VersionId']}")

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the value and its labels; a version without labels is deprecated, which AWS treats as gone."""
        del state
        secret_id, version_id = resource_id.rsplit("|", 1)
        held = found(
            lambda: self.clients("secretsmanager").get_secret_value(SecretId=secret_id, VersionId=version_id),
            _NO_SECRET,
            # AWS's answer for a secret that is scheduled for deletion.
            "InvalidRequestException",
        )
        if held is None or not held.get("VersionStages"):
            return None
        binary = held.get("SecretBinary")
        return {
            "secretId": secret_id,
            "arn": held["ARN"],
            "secretArn": held["ARN"],
            "versionId": version_id,
            "versionStages": sorted(held["VersionStages"]),
            "hasSecretStringWo": False,
            **compact(
                {
                    "secretString": held.get("SecretString"),
                    "secretBinary": base64.b64encode(binary).decode() if binary else None,
                }
            ),
        }

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Move staging labels."""
        del changed
        client = self.clients("secretsmanager")
        secret_id, version_id = resource_id.rsplit("|", 1)
        before, after = set(old["versionStages"]), set(new["versionStages"])
        for stage in sorted(after - before):
            holder = _holder(client.describe_secret(SecretId=secret_id), stage)
            client.update_secret_version_stage(
                **compact(
                    {
                        "SecretId": secret_id,
                        "VersionStage": stage,
                        "MoveToVersionId": version_id,
                        "RemoveFromVersionId": holder,
                    }
                )
            )
        for stage in sorted(before - after - {_CURRENT}):
            client.update_secret_version_stage(SecretId=secret_id, VersionStage=stage, RemoveFromVersionId=version_id)

    def delete(self, resource_id: str, state: Props) -> None:
        """Take the version's labels off; AWS keeps `AWSCURRENT` where it is as long as the secret lives."""
        del state
        client = self.clients("secretsmanager")
        secret_id, version_id = resource_id.rsplit("|", 1)
        secret = found(lambda: client.describe_secret(SecretId=secret_id), _NO_SECRET)
        if secret is None or secret.get("DeletedDate"):
            return
        for stage in secret.get("VersionIdsToStages", {}).get(version_id, ()):
            if stage != _CURRENT:
                client.update_secret_version_stage(
                    SecretId=secret_id, VersionStage=stage, RemoveFromVersionId=version_id
                )

    def find(self, inputs: Props) -> str | None:
        """Return the version that holds the first of the wanted labels, if its value is the wanted one."""
        secret_id = inputs["secretId"]
        secret = found(lambda: self.clients("secretsmanager").describe_secret(SecretId=secret_id), _NO_SECRET)
        stage = (inputs.get("versionStages") or [_CURRENT])[0]
        version_id = secret and _holder(secret, stage)
        held = version_id and self.read(f"{secret_id}|{version_id}", inputs)
        same = held and all(held.get(key) == inputs.get(key) for key in ("secretString", "secretBinary"))
        return f"{secret_id}|{version_id}" if same else None


def _holder(secret: Props, stage: str) -> str | None:
    """Return the version that holds a label now."""
    return next((version for version, held in secret.get("VersionIdsToStages", {}).items() if stage in held), None)


HANDLERS: tuple[type[Handler], ...] = (Secret, SecretVersion)
