"""IAM roles, their inline policies and their attachments."""

from __future__ import annotations

import json
from typing import Any

from prod_infra.local_aws.provider.handler import AutoName, Handler
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

_NONE = "NoSuchEntity"


class Role(Handler):
    """A role; its policies are resources of their own."""

    token = "aws:iam/role:Role"
    regional = False
    inputs = frozenset(
        {
            "assumeRolePolicy",
            "description",
            "forceDetachPolicies",
            "maxSessionDuration",
            "name",
            "path",
            "permissionsBoundary",
            "tags",
        }
    )
    replace_on = frozenset({"name", "path"})
    defaults = {"forceDetachPolicies": False, "maxSessionDuration": 3600, "path": "/"}
    json_inputs = frozenset({"assumeRolePolicy"})
    write_only = frozenset({"forceDetachPolicies"})
    outputs = frozenset({"arn", "createDate", "tagsAll", "uniqueId"})
    auto_name = AutoName(max_length=64)

    def create(self, inputs: Props) -> str:
        """Create the role and wait for it."""
        iam = self.clients("iam")
        iam.create_role(
            **compact(
                {
                    "RoleName": inputs["name"],
                    "AssumeRolePolicyDocument": json_text(inputs["assumeRolePolicy"]),
                    "Description": inputs.get("description"),
                    "MaxSessionDuration": inputs.get("maxSessionDuration"),
                    "Path": inputs.get("path"),
                    "PermissionsBoundary": inputs.get("permissionsBoundary"),
                    "Tags": tag_list(inputs.get("tags")) or None,
                }
            )
        )
        self.made(inputs["name"])
        iam.get_waiter("role_exists").wait(RoleName=inputs["name"], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
        return str(inputs["name"])

    def _role(self, name: str) -> Any | None:
        answer = found(lambda: self.clients("iam").get_role(RoleName=name), _NONE)
        return answer and answer["Role"]

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the role with its trust policy."""
        held = self._role(resource_id)
        if held is None:
            return None
        tags = self.clients("iam").list_role_tags(RoleName=resource_id)["Tags"]
        return {
            "name": held["RoleName"],
            "arn": held["Arn"],
            "assumeRolePolicy": json.dumps(held["AssumeRolePolicyDocument"], sort_keys=True),
            "createDate": held["CreateDate"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            "description": held.get("Description", ""),
            "forceDetachPolicies": bool(state.get("forceDetachPolicies")),
            "maxSessionDuration": held.get("MaxSessionDuration", 3600),
            "path": held["Path"],
            "uniqueId": held["RoleId"],
            **compact({"permissionsBoundary": (held.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")}),
            **tag_state(tags_of(tags)),
        }

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Set trust policy, description, session length, boundary and tags."""
        iam = self.clients("iam")
        if "assumeRolePolicy" in changed:
            iam.update_assume_role_policy(RoleName=resource_id, PolicyDocument=json_text(new["assumeRolePolicy"]))
        if changed & {"description", "maxSessionDuration"}:
            iam.update_role(
                RoleName=resource_id,
                Description=new.get("description") or "",
                MaxSessionDuration=new.get("maxSessionDuration", 3600),
            )
        if "permissionsBoundary" in changed and new.get("permissionsBoundary"):
            iam.put_role_permissions_boundary(RoleName=resource_id, PermissionsBoundary=new["permissionsBoundary"])
        elif "permissionsBoundary" in changed:
            iam.delete_role_permissions_boundary(RoleName=resource_id)
        if "tags" in changed:
            to_set, to_remove = tag_changes(old.get("tags"), new.get("tags"))
            if to_remove:
                iam.untag_role(RoleName=resource_id, TagKeys=to_remove)
            if to_set:
                iam.tag_role(RoleName=resource_id, Tags=tag_list(to_set))

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the role; AWS refuses one with policies, unless `forceDetachPolicies` takes them off first."""
        iam = self.clients("iam")
        with absent_is_fine(_NONE):
            if state.get("forceDetachPolicies"):
                for policy in iam.list_attached_role_policies(RoleName=resource_id)["AttachedPolicies"]:
                    iam.detach_role_policy(RoleName=resource_id, PolicyArn=policy["PolicyArn"])
                for name in iam.list_role_policies(RoleName=resource_id)["PolicyNames"]:
                    iam.delete_role_policy(RoleName=resource_id, PolicyName=name)
            iam.delete_role(RoleName=resource_id)

    def find(self, inputs: Props) -> str | None:
        """Return the name if AWS holds the role."""
        return str(inputs["name"]) if self._role(inputs["name"]) else None


class RolePolicy(Handler):
    """A policy written into a role. Its ID is `role:policy`."""

    token = "aws:iam/rolePolicy:RolePolicy"
    regional = False
    inputs = frozenset({"name", "policy", "role"})
    replace_on = frozenset({"name", "role"})
    json_inputs = frozenset({"policy"})
    auto_name = AutoName(max_length=128)

    def create(self, inputs: Props) -> str:
        """Put the policy into the role."""
        self.clients("iam").put_role_policy(
            RoleName=inputs["role"], PolicyName=inputs["name"], PolicyDocument=json_text(inputs["policy"])
        )
        return self.made(f"{inputs['role']}:{inputs['name']}")

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the policy as AWS holds it."""
        del state
        role, name = resource_id.split(":", 1)
        held = found(lambda: self.clients("iam").get_role_policy(RoleName=role, PolicyName=name), _NONE)
        return held and {
            "name": name,
            "role": role,
            "policy": json.dumps(held["PolicyDocument"], sort_keys=True),
        }

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Put the policy again."""
        del resource_id, old, changed
        self.create(new)

    def delete(self, resource_id: str, state: Props) -> None:
        """Take the policy out of the role."""
        del state
        role, name = resource_id.split(":", 1)
        with absent_is_fine(_NONE):
            self.clients("iam").delete_role_policy(RoleName=role, PolicyName=name)

    def find(self, inputs: Props) -> str | None:
        """Return the ID if the role holds a policy of that name."""
        resource_id = f"{inputs['role']}:{inputs['name']}"
        return resource_id if self.read(resource_id, inputs) else None


class RolePolicyAttachment(Handler):
    """A managed policy attached to a role. Its ID is `role/policy ARN`."""

    token = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    regional = False
    inputs = frozenset({"policyArn", "role"})
    replace_on = frozenset({"policyArn", "role"})

    def create(self, inputs: Props) -> str:
        """Attach the policy."""
        self.clients("iam").attach_role_policy(RoleName=inputs["role"], PolicyArn=inputs["policyArn"])
        return self.made(f"{inputs['role']}/{inputs['policyArn']}")

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return role and policy while they are attached."""
        del state
        role, arn = resource_id.split("/", 1)
        held = found(lambda: self.clients("iam").list_attached_role_policies(RoleName=role), _NONE)
        attached = {policy["PolicyArn"] for policy in held["AttachedPolicies"]} if held else set()
        return {"role": role, "policyArn": arn} if arn in attached else None

    def delete(self, resource_id: str, state: Props) -> None:
        """Detach the policy."""
        del state
        role, arn = resource_id.split("/", 1)
        with absent_is_fine(_NONE):
            self.clients("iam").detach_role_policy(RoleName=role, PolicyArn=arn)

    def find(self, inputs: Props) -> str | None:
        """Return the ID if the policy is attached."""
        resource_id = f"{inputs['role']}/{inputs['policyArn']}"
        return resource_id if self.read(resource_id, inputs) else None


HANDLERS: tuple[type[Handler], ...] = (Role, RolePolicy, RolePolicyAttachment)
