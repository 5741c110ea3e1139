"""The KMS key that states, and the secrets in them, are encrypted with."""

from __future__ import annotations

from prod_infra.bootstrap.piece import Act, Piece, absent_as_none


class StateKey(Piece):
    """A key with rotation, under an alias: `awskms://alias/pulumi-state-prod` is the stack's secrets provider."""

    def acts(self) -> list[Act]:
        """Make the key and its alias, or turn its rotation on."""
        kms, alias = self.wanted.clients("kms"), self.wanted.key_alias
        key = absent_as_none(lambda: kms.describe_key(KeyId=alias)["KeyMetadata"], "NotFoundException")
        if key is None:
            return [Act(what=f"make the key {alias}, with rotation", do=self._make, drift=False)]
        found, key_id = [], key["KeyId"]
        if key["KeyState"] == "PendingDeletion":
            what = f"save the key {alias} from its deletion"
            found.append(Act(what=what, do=lambda: kms.cancel_key_deletion(KeyId=key_id), drift=True))
        if key["KeyState"] in {"PendingDeletion", "Disabled"}:
            found.append(Act(what=f"enable the key {alias}", do=lambda: kms.enable_key(KeyId=key_id), drift=True))
            # Nothing more can be asked of a key in these states.
            rotates = False
        else:
            rotates = kms.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"]
        if not rotates:
            what = f"turn on the rotation of the key {alias}"
            found.append(Act(what=what, do=lambda: kms.enable_key_rotation(KeyId=key_id), drift=True))
        return found

    def _make(self) -> None:
        # The default key policy leaves it to IAM who may use the key, and the account's root can't be locked out:
        # https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
        kms, wanted = self.wanted.clients("kms"), self.wanted
        tags = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in wanted.tags]
        made = kms.create_key(Description=f"Pulumi states of {wanted.environment} and their secrets", Tags=tags)
        key_id = made["KeyMetadata"]["KeyId"]
        kms.enable_key_rotation(KeyId=key_id)
        kms.create_alias(AliasName=wanted.key_alias, TargetKeyId=key_id)
