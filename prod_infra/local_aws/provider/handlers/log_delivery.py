"""CloudWatch Logs: deliveries of AWS services' own logs, CloudFront's standard logging (v2) among them."""

from __future__ import annotations

from typing import Any, Final

from prod_infra.local_aws.provider.handler import AutoName, Handler
from prod_infra.local_aws.provider.handlers.common import absent_is_fine, compact, found, tag_changes, tag_state
from prod_infra.properties import Props

_GONE: Final = "ResourceNotFoundException"


class _Delivering(Handler):
    """What the three types share: tags by ARN, set at the birth alone by their own calls."""

    def tags(self, arn: str) -> Props:
        """Return the tags as Pulumi has them."""
        return tag_state(self.clients("logs").list_tags_for_resource(resourceArn=arn)["tags"])

    def set_tags(self, old: Props, new: Props) -> None:
        """Bring the tags from the state's to the inputs'."""
        to_set, to_remove = tag_changes(old.get("tags"), new.get("tags"))
        if to_remove:
            self.clients("logs").untag_resource(resourceArn=old["arn"], tagKeys=to_remove)
        if to_set:
            self.clients("logs").tag_resource(resourceArn=old["arn"], tags=to_set)


class LogDeliverySource(_Delivering):
    """A resource whose logs of one kind can be delivered. Its ID is its name."""

    token = "aws:cloudwatch/logDeliverySource:LogDeliverySource"
    inputs = frozenset({"logType", "name", "resourceArn", "tags"})
    replace_on = frozenset({"logType", "name", "resourceArn"})
    outputs = frozenset({"arn", "service", "tagsAll"})
    auto_name = AutoName(max_length=60)

    def create(self, inputs: Props) -> str:
        """Name the source."""
        self.clients("logs").put_delivery_source(
            name=inputs["name"],
            resourceArn=inputs["resourceArn"],
            logType=inputs["logType"],
            **compact({"tags": inputs.get("tags") or None}),
        )
        return self.made(str(inputs["name"]))

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the source."""
        del state
        said = found(lambda: self.clients("logs").get_delivery_source(name=resource_id), _GONE)
        held = said and said["deliverySource"]
        return held and {
            "name": held["name"],
            "arn": held["arn"],
            "service": held["service"],
            "logType": held["logType"],
            "resourceArn": held["resourceArns"][0],
            **self.tags(held["arn"]),
        }

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Set the tags; anything else is another source."""
        del resource_id, changed
        self.set_tags(old, new)

    def delete(self, resource_id: str, state: Props) -> None:
        """Forget the source; AWS refuses while a delivery uses it."""
        del state
        with absent_is_fine(_GONE):
            self.clients("logs").delete_delivery_source(name=resource_id)

    def find(self, inputs: Props) -> str | None:
        """Return the name if there is such a source of this resource."""
        held = self.read(inputs["name"], inputs)
        return str(inputs["name"]) if held and held["resourceArn"] == inputs["resourceArn"] else None


class LogDeliveryDestination(_Delivering):
    """A bucket, log group or stream as the target of deliveries. Its ID is its name."""

    token = "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination"
    inputs = frozenset({"deliveryDestinationConfiguration", "name", "outputFormat", "tags"})
    nested_inputs = {"deliveryDestinationConfiguration": frozenset({"destinationResourceArn"})}
    replace_on = frozenset({"name", "outputFormat"})
    outputs = frozenset({"arn", "deliveryDestinationType", "outputFormat", "tagsAll"})
    auto_name = AutoName(max_length=60)

    def _put(self, inputs: Props, **more: Any) -> None:
        self.clients("logs").put_delivery_destination(
            name=inputs["name"],
            deliveryDestinationConfiguration=inputs["deliveryDestinationConfiguration"],
            **compact({"outputFormat": inputs.get("outputFormat"), **more}),
        )

    def create(self, inputs: Props) -> str:
        """Name the destination."""
        self._put(inputs, tags=inputs.get("tags") or None)
        return self.made(str(inputs["name"]))

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the destination."""
        del state
        said = found(lambda: self.clients("logs").get_delivery_destination(name=resource_id), _GONE)
        held = said and said["deliveryDestination"]
        return held and {
            "name": held["name"],
            "arn": held["arn"],
            "deliveryDestinationConfiguration": held["deliveryDestinationConfiguration"],
            "deliveryDestinationType": held["deliveryDestinationType"],
            "outputFormat": held.get("outputFormat", ""),
            **self.tags(held["arn"]),
        }

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Set target and tags."""
        del resource_id
        if "deliveryDestinationConfiguration" in changed:
            self._put(new)
        self.set_tags(old, new)

    def delete(self, resource_id: str, state: Props) -> None:
        """Forget the destination; AWS refuses while a delivery leads there."""
        del state
        with absent_is_fine(_GONE):
            self.clients("logs").delete_delivery_destination(name=resource_id)

    def find(self, inputs: Props) -> str | None:
        """Return the name if there is such a destination."""
        return str(inputs["name"]) if self.read(inputs["name"], inputs) else None


class LogDelivery(_Delivering):
    """The way from a source to a destination."""

    token = "aws:cloudwatch/logDelivery:LogDelivery"
    _sent = ("deliveryDestinationArn", "deliverySourceName", "fieldDelimiter", "recordFields")
    inputs = frozenset({*_sent, "s3DeliveryConfigurations", "tags"})
    nested_inputs = {"s3DeliveryConfigurations": frozenset({"enableHiveCompatiblePath", "suffixPath"})}
    # AWS can change more in place, which the local AWS can't.
    replace_on = inputs - {"tags"}
    outputs = frozenset({"arn", "fieldDelimiter", "recordFields", "s3DeliveryConfigurations", "tagsAll"})
    delete_before_replace = True

    def create(self, inputs: Props) -> str:
        """Begin to deliver."""
        way = (inputs.get("s3DeliveryConfigurations") or [None])[0]
        answer = self.clients("logs").create_delivery(
            **compact(
                {
                    **{key: inputs.get(key) for key in self._sent},
                    "s3DeliveryConfiguration": way,
                    "tags": inputs.get("tags") or None,
                }
            )
        )
        return self.made(str(answer["delivery"]["id"]))

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the delivery."""
        del state
        said = found(lambda: self.clients("logs").get_delivery(id=resource_id), _GONE)
        held = said and said["delivery"]
        way = held and held.get("s3DeliveryConfiguration")
        return held and {
            **compact({key: held.get(key) for key in self._sent}),
            "arn": held["arn"],
            "s3DeliveryConfigurations": [way] if way else [],
            **self.tags(held["arn"]),
        }

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Set the tags."""
        del resource_id, changed
        self.set_tags(old, new)

    def delete(self, resource_id: str, state: Props) -> None:
        """Stop to deliver."""
        del state
        with absent_is_fine(_GONE):
            self.clients("logs").delete_delivery(id=resource_id)

    def find(self, inputs: Props) -> str | None:
        """Return the ID of the delivery from this source to this destination."""
        for page in self.clients("logs").get_paginator("describe_deliveries").paginate():
            for held in page["deliveries"]:
                if all(held[key] == inputs[key] for key in ("deliverySourceName", "deliveryDestinationArn")):
                    return str(held["id"])
        return None


HANDLERS: tuple[type[Handler], ...] = (LogDeliverySource, LogDeliveryDestination, LogDelivery)
