"""SNS topics."""

from __future__ import annotations

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

_NO_TOPIC = ("NotFound", "NotFoundException", "ResourceNotFound", "ResourceNotFoundException")
_ATTRIBUTES = {"displayName": "DisplayName", "kmsMasterKeyId": "KmsMasterKeyId", "policy": "Policy"}


class Topic(Handler):
    """A topic with its key, its policy and its tags. Its ID is its ARN."""

    token = "aws:sns/topic:Topic"
    inputs = frozenset({*_ATTRIBUTES, "name", "tags"})
    replace_on = frozenset({"name"})
    json_inputs = frozenset({"policy"})
    outputs = frozenset({"arn", "owner", "policy", "tagsAll"})
    auto_name = AutoName(max_length=256)

    def create(self, inputs: Props) -> str:
        """Create the topic with its attributes and tags."""
        attributes = compact({aws: inputs.get(ours) for ours, aws in _ATTRIBUTES.items()})
        if "Policy" in attributes:
            attributes["Policy"] = json_text(attributes["Policy"])
        answer = self.clients("sns").create_topic(
            Name=inputs["name"], Attributes=attributes, Tags=tag_list(inputs.get("tags"))
        )
        return self.made(str(answer["TopicArn"]))

    def _attributes(self, arn: str) -> Any | None:
        answer = found(lambda: self.clients("sns").get_topic_attributes(TopicArn=arn), *_NO_TOPIC)
        return answer and answer["Attributes"]

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the topic."""
        del state
        held = self._attributes(resource_id)
        if held is None:
            return None
        tags = self.clients("sns").list_tags_for_resource(ResourceArn=resource_id)["Tags"]
        return {
            "name": resource_id.rpartition(":")[2],
            "arn": resource_id,
            "owner": held["Owner"],
            **compact({ours: held.get(aws) or None for ours, aws in _ATTRIBUTES.items()}),
            **tag_state(tags_of(tags)),
        }

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Set attributes and tags; an empty key turns encryption off."""
        sns = self.clients("sns")
        for ours in sorted(changed & _ATTRIBUTES.keys()):
            value = new.get(ours) or ""
            text = json_text(value) if ours == "policy" else value
            sns.set_topic_attributes(TopicArn=resource_id, AttributeName=_ATTRIBUTES[ours], AttributeValue=text)
        if "tags" in changed:
            to_set, to_remove = tag_changes(old.get("tags"), new.get("tags"))
            if to_remove:
                sns.untag_resource(ResourceArn=resource_id, TagKeys=to_remove)
            if to_set:
                sns.tag_resource(ResourceArn=resource_id, Tags=tag_list(to_set))

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the topic."""
        del state
        with absent_is_fine(*_NO_TOPIC):
            self.clients("sns").delete_topic(TopicArn=resource_id)

    def find(self, inputs: Props) -> str | None:
        """Return the ARN of the topic of that name."""
        pages = self.clients("sns").get_paginator("list_topics").paginate()
        arns = (str(topic["TopicArn"]) for page in pages for topic in page["Topics"])
        return next((arn for arn in arns if arn.endswith(f":{inputs['name']}")), None)


HANDLERS: tuple[type[Handler], ...] = (Topic,)
