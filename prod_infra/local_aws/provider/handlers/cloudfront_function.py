"""CloudFront functions, and what all CloudFront handlers share."""

from __future__ import annotations

from typing import Any

from prod_infra.local_aws.provider.handler import AutoName, Handler
from prod_infra.local_aws.provider.handlers.common import (
    absent_is_fine,
    found,
    tag_changes,
    tag_list,
    tag_state,
    tags_of,
)
from prod_infra.properties import Props


class CloudFrontHandler(Handler):
    """A resource of CloudFront, which has no region."""

    regional = False

    def tags(self, arn: str) -> Props:
        """Return the two properties that show the tags."""
        said = self.clients("cloudfront").list_tags_for_resource(Resource=arn)
        return tag_state(tags_of(said["Tags"].get("Items")))

    def update_tags(self, arn: str, old: Props, new: Props) -> None:
        """Set and remove tags."""
        put, remove = tag_changes(old.get("tags"), new.get("tags"))
        if remove:
            self.clients("cloudfront").untag_resource(Resource=arn, TagKeys={"Items": remove})
        if put:
            self.clients("cloudfront").tag_resource(Resource=arn, Tags={"Items": tag_list(put)})


class Function(CloudFrontHandler):
    """Code that runs at the edge; it is published as it is created and updated."""

    token = "aws:cloudfront/function:Function"
    inputs = frozenset({"code", "comment", "keyValueStoreAssociations", "name", "publish", "runtime", "tags"})
    replace_on = frozenset({"name"})
    defaults = {"publish": True}
    set_inputs = frozenset({"keyValueStoreAssociations"})
    write_only = frozenset({"publish"})
    outputs = frozenset({"arn", "etag", "liveStageEtag", "tagsAll"})
    auto_name = AutoName(max_length=64)
    not_found = "NoSuchFunctionExists"

    def _config(self, inputs: Props) -> dict[str, Any]:
        stores = [{"KeyValueStoreARN": arn} for arn in inputs.get("keyValueStoreAssociations") or ()]
        stored = {"KeyValueStoreAssociations": {"Quantity": len(stores), "Items": stores}} if stores else {}
        return {"Comment": inputs.get("comment") or "", "Runtime": inputs["runtime"], **stored}

    def create(self, inputs: Props) -> str:
        """Create the function and publish it."""
        self.clients("cloudfront").create_function(
            Name=inputs["name"],
            FunctionConfig=self._config(inputs),
            FunctionCode=inputs["code"].encode(),
            **({"Tags": {"Items": tag_list(inputs["tags"])}} if inputs.get("tags") else {}),
        )
        name = self.made(inputs["name"])
        self.complete(name, inputs)
        return str(name)

    def complete(self, resource_id: str, inputs: Props) -> None:
        """Publish the function: a distribution takes no other."""
        said = self.clients("cloudfront").describe_function(Name=resource_id, Stage="DEVELOPMENT")
        self._publish(resource_id, said["ETag"], inputs)

    def _publish(self, name: str, etag: str, inputs: Props) -> None:
        if inputs.get("publish") is not False:
            self.clients("cloudfront").publish_function(Name=name, IfMatch=etag)

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the function as developed. `status` is left out: a distribution that uses it would be drift."""
        cloudfront = self.clients("cloudfront")
        said = found(lambda: cloudfront.describe_function(Name=resource_id, Stage="DEVELOPMENT"), self.not_found)
        if said is None:
            return None
        config = said["FunctionSummary"]["FunctionConfig"]
        arn = said["FunctionSummary"]["FunctionMetadata"]["FunctionARN"]
        live = found(lambda: cloudfront.describe_function(Name=resource_id, Stage="LIVE"), self.not_found)
        code = cloudfront.get_function(Name=resource_id, Stage="DEVELOPMENT")["FunctionCode"].read()
        stores = config.get("KeyValueStoreAssociations", {}).get("Items", [])
        return {
            "code": code.decode(),
            "comment": config.get("Comment", ""),
            "keyValueStoreAssociations": [store["KeyValueStoreARN"] for store in stores],
            "name": resource_id,
            "publish": state.get("publish", True),
            "runtime": config["Runtime"],
            "arn": arn,
            "etag": said["ETag"],
            "liveStageEtag": live["ETag"] if live else "",
            **self.tags(arn),
        }

    def find(self, inputs: Props) -> str | None:
        """Return the function with this name."""
        said = found(
            lambda: self.clients("cloudfront").describe_function(Name=inputs["name"], Stage="DEVELOPMENT"),
            self.not_found,
        )
        return str(inputs["name"]) if said else None

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Change code and settings, and publish; set the tags."""
        cloudfront = self.clients("cloudfront")
        etag = cloudfront.describe_function(Name=resource_id, Stage="DEVELOPMENT")["ETag"]
        if changed & {"code", "comment", "keyValueStoreAssociations", "runtime"}:
            etag = cloudfront.update_function(
                Name=resource_id, IfMatch=etag, FunctionConfig=self._config(new), FunctionCode=new["code"].encode()
            )["ETag"]
        if changed - {"tags"}:
            self._publish(resource_id, etag, new)
        self.update_tags(old["arn"], old, new)

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the function, which no distribution may use."""
        del state
        with absent_is_fine(self.not_found):
            etag = self.clients("cloudfront").describe_function(Name=resource_id, Stage="DEVELOPMENT")["ETag"]
            self.clients("cloudfront").delete_function(Name=resource_id, IfMatch=etag)


HANDLERS = (Function,)
