"""What the EC2 handlers share: tags at creation, descriptions, and finding what a killed create has left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from prod_infra.local_aws.provider.handler import Handler
from prod_infra.local_aws.provider.handlers.common import found, tag_changes, tag_list, tags_of
from prod_infra.properties import Props


def filters(**values: str) -> list[dict[str, Any]]:
    """Return EC2 filters; `_` in a name stands for `-`."""
    return [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in values.items()]


def one_with_tags(items: Iterable[Mapping[str, Any]], key: str, tags: Mapping[str, str] | None) -> str | None:
    """Return the ID of the only item that has exactly these tags; None where there is none, or more than one."""
    ids = [str(item[key]) for item in items if tags_of(item.get("Tags")) == (tags or {})]
    return ids[0] if len(ids) == 1 else None


class Ec2Handler(Handler):
    """A resource of EC2 that has tags."""

    kind: ClassVar[str]
    """EC2's name of the type, as in a tag specification and an ARN: `vpc`, `internet-gateway`."""

    not_found: ClassVar[str]
    """The code with which EC2 says that there is none: `InvalidVpcID.NotFound`."""

    def tag_specification(self, inputs: Props) -> dict[str, Any]:
        """Return the argument that makes EC2 tag the resource as it is created."""
        if not inputs.get("tags"):
            return {}
        return {"TagSpecifications": [{"ResourceType": self.kind, "Tags": tag_list(inputs["tags"])}]}

    def update_tags(self, resource_id: str, old: Props, new: Props) -> None:
        """Set and remove tags."""
        put, remove = tag_changes(old.get("tags"), new.get("tags"))
        if remove:
            self.clients("ec2").delete_tags(Resources=[resource_id], Tags=[{"Key": key} for key in remove])
        if put:
            self.clients("ec2").create_tags(Resources=[resource_id], Tags=tag_list(put))

    def describe(self, operation: str, answer: str, ids: str, resource_id: str) -> Any:
        """Return EC2's description of one resource, or None if there is none.

        Args:
            operation: client method, such as `describe_vpcs`.
            answer: key of the list in its answer, such as `Vpcs`.
            ids: name of its argument with the IDs, such as `VpcIds`.
            resource_id: the resource.
        """
        call = getattr(self.clients("ec2"), operation)
        said = found(lambda: call(**{ids: [resource_id]}), self.not_found)
        items: Sequence[Any] = said[answer] if said else ()
        return items[0] if items else None

    def arn(self, owner: str, resource_id: str) -> str:
        """Return the ARN of an EC2 resource in the client's region."""
        return f"arn:aws:ec2:{self.clients.region}:{owner}:{self.kind}/{resource_id}"
