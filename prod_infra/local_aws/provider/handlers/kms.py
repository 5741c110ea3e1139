"""KMS: keys and their aliases."""

from __future__ import annotations

import json
from typing import Any

from prod_infra.local_aws.provider.handler import Handler
from prod_infra.local_aws.provider.handlers.common import (
    absent_is_fine,
    compact,
    found,
    json_text,
    tag_changes,
    tag_list,
    tag_state,
    tags_of,
)
from prod_infra.properties import Props

_NO_KEY = "NotFoundException"
_TAG = {"key": "TagKey", "value": "TagValue"}


class Key(Handler):
    """A symmetric key with its policy and rotation. A deleted one waits, unusable, for the end of its window."""

    token = "aws:kms/key:Key"
    inputs = frozenset(
        {
            "customerMasterKeySpec",
            "deletionWindowInDays",
            "description",
            "enableKeyRotation",
            "isEnabled",
            "keyUsage",
            "multiRegion",
            "policy",
            "tags",
        }
    )
    replace_on = frozenset({"customerMasterKeySpec", "keyUsage", "multiRegion"})
    defaults = {"customerMasterKeySpec": "SYMMETRIC_DEFAULT", "isEnabled": True, "keyUsage": "ENCRYPT_DECRYPT"}
    json_inputs = frozenset({"policy"})
    write_only = frozenset({"deletionWindowInDays"})
    outputs = frozenset({"arn", "description", "keyId", "multiRegion", "policy", "tagsAll"})

    def create(self, inputs: Props) -> str:
        """Create the key with its policy, and set its rotation."""
        kms = self.clients("kms")
        answer = kms.create_key(
            **compact(
                {
                    "Description": inputs.get("description"),
                    "KeySpec": inputs["customerMasterKeySpec"],
                    "KeyUsage": inputs["keyUsage"],
                    "MultiRegion": inputs.get("multiRegion"),
                    "Policy": json_text(inputs["policy"]) if inputs.get("policy") else None,
                    "Tags": tag_list(inputs.get("tags"), **_TAG) or None,
                }
            )
        )
        key_id = self.made(str(answer["KeyMetadata"]["KeyId"]))
        self._set(key_id, inputs, frozenset({"enableKeyRotation", "isEnabled"}))
        return key_id

    def _set(self, key_id: str, inputs: Props, changed: frozenset[str]) -> None:
        kms = self.clients("kms")
        if "enableKeyRotation" in changed:
            if inputs.get("enableKeyRotation"):
                kms.enable_key_rotation(KeyId=key_id)
            elif kms.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"]:
                kms.disable_key_rotation(KeyId=key_id)
        if "isEnabled" in changed:
            (kms.enable_key if inputs["isEnabled"] else kms.disable_key)(KeyId=key_id)

    def _key(self, key_id: str) -> Any | None:
        answer = found(lambda: self.clients("kms").describe_key(KeyId=key_id), _NO_KEY)
        held = answer and answer["KeyMetadata"]
        return held if held and held["KeyState"] not in {"PendingDeletion", "PendingReplicaDeletion"} else None

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the key; one that waits for its deletion counts as gone."""
        held = self._key(resource_id)
        if held is None:
            return None
        kms = self.clients("kms")
        rotation = kms.get_key_rotation_status(KeyId=resource_id)
        tags = kms.list_resource_tags(KeyId=resource_id)["Tags"]
        return {
            "arn": held["Arn"],
            "keyId": held["KeyId"],
            "customerMasterKeySpec": held.get("KeySpec", "SYMMETRIC_DEFAULT"),
            "description": held.get("Description", ""),
            "enableKeyRotation": bool(rotation["KeyRotationEnabled"]),
            "isEnabled": bool(held["Enabled"]),
            "keyUsage": held["KeyUsage"],
            "multiRegion": bool(held.get("MultiRegion")),
            "policy": kms.get_key_policy(KeyId=resource_id, PolicyName="default")["Policy"],
            **compact({"deletionWindowInDays": state.get("deletionWindowInDays")}),
            **tag_state(tags_of(tags, **_TAG)),
        }

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Set description, policy, rotation, state and tags; the window is only kept for the deletion."""
        kms = self.clients("kms")
        if "description" in changed:
            kms.update_key_description(KeyId=resource_id, Description=new.get("description", ""))
        if "policy" in changed:
            kms.put_key_policy(KeyId=resource_id, PolicyName="default", Policy=json_text(new["policy"]))
        self._set(resource_id, new, changed)
        if "tags" in changed:
            to_set, to_remove = tag_changes(old.get("tags"), new.get("tags"))
            if to_remove:
                kms.untag_resource(KeyId=resource_id, TagKeys=to_remove)
            if to_set:
                kms.tag_resource(KeyId=resource_id, Tags=tag_list(to_set, **_TAG))

    def delete(self, resource_id: str, state: Props) -> None:
        """Schedule the deletion, 30 days ahead unless the window says otherwise."""
        if self._key(resource_id):
            days = state.get("deletionWindowInDays") or 30
            self.clients("kms").schedule_key_deletion(KeyId=resource_id, PendingWindowInDays=days)

    def find(self, inputs: Props) -> str | None:
        """Return the only key with exactly this policy and these tags."""
        kms = self.clients("kms")
        fitting = []
        for page in kms.get_paginator("list_keys").paginate():
            for key in page["Keys"]:
                held = self.read(key["KeyId"], inputs)
                wanted = inputs.get("policy")
                same_policy = held and (not wanted or json.loads(held["policy"]) == json.loads(json_text(wanted)))
                if held and same_policy and held["tags"] == (inputs.get("tags") or {}):
                    fitting.append(str(key["KeyId"]))
        return fitting[0] if len(fitting) == 1 else None


class Alias(Handler):
    """A name that leads to a key; another key can take its place."""

    token = "aws:kms/alias:Alias"
    inputs = frozenset({"name", "targetKeyId"})
    replace_on = frozenset({"name"})
    outputs = frozenset({"arn", "targetKeyArn"})

    def faults(self, inputs: Props) -> dict[str, str]:
        """Refuse a name that AWS would refuse."""
        name = inputs.get("name")
        if name is None:
            return {"name": "is required"}
        wrong = isinstance(name, str) and (not name.startswith("alias/") or name.startswith("alias/aws/"))
        return {"name": f"must begin with alias/ and not with alias/aws/, unlike {name!r}"} if wrong else {}

    @classmethod
    def as_read(cls, inputs: Props) -> Props:
        """Return the inputs with the key's ID in the place of its ARN, as AWS lists it."""
        target = inputs.get("targetKeyId")
        return {**inputs, "targetKeyId": target.rpartition("/")[2]} if isinstance(target, str) else inputs

    def create(self, inputs: Props) -> str:
        """Name the key."""
        self.clients("kms").create_alias(AliasName=inputs["name"], TargetKeyId=inputs["targetKeyId"])
        return self.made(str(inputs["name"]))

    def _alias(self, name: str) -> Any | None:
        pages = self.clients("kms").get_paginator("list_aliases").paginate()
        return next((alias for page in pages for alias in page["Aliases"] if alias["AliasName"] == name), None)

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the key that the name leads to."""
        del state
        held = self._alias(resource_id)
        if held is None:
            return None
        key_id = held["TargetKeyId"]
        return {
            "name": resource_id,
            "arn": held["AliasArn"],
            "targetKeyId": key_id,
            "targetKeyArn": f"{held['AliasArn'].rpartition(':')[0]}:key/{key_id}",
        }

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Lead the name to another key."""
        del old, changed
        self.clients("kms").update_alias(AliasName=resource_id, TargetKeyId=new["targetKeyId"])

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the name; the key stays."""
        del state
        with absent_is_fine(_NO_KEY):
            self.clients("kms").delete_alias(AliasName=resource_id)

    def find(self, inputs: Props) -> str | None:
        """Return the name if it leads to this key already."""
        held = self._alias(inputs["name"])
        return str(inputs["name"]) if held and inputs["targetKeyId"].endswith(held["TargetKeyId"]) else None


HANDLERS: tuple[type[Handler], ...] = (Key, Alias)
