"""What the load balancing handlers share: tags, attributes, and the actions of listeners and rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from prod_infra.local_aws.provider.handler import Handler
from prod_infra.local_aws.provider.handlers.common import compact, tag_changes, tag_list, tag_state, tags_of
from prod_infra.properties import Props

_ACTION: Final = frozenset({"fixedResponse", "forward", "order", "redirect", "targetGroupArn", "type"})
_REDIRECT: Final = ("host", "path", "port", "protocol", "query", "statusCode")


def actions_inputs(name: str) -> dict[str, frozenset[str]]:
    """Return what is known inside the input that holds actions, for `Handler.nested_inputs`."""
    return {
        name: _ACTION,
        f"{name}.fixedResponse": frozenset({"contentType", "messageBody", "statusCode"}),
        f"{name}.forward": frozenset({"stickiness", "targetGroups"}),
        f"{name}.forward.stickiness": frozenset({"duration", "enabled"}),
        f"{name}.forward.targetGroups": frozenset({"arn", "weight"}),
        f"{name}.redirect": frozenset(_REDIRECT),
    }


def actions_outputs(name: str) -> frozenset[str]:
    """Return what AWS fills in inside the input that holds actions, for `Handler.outputs`."""
    filled = ("forward.targetGroups.weight", "order", *(f"redirect.{key}" for key in _REDIRECT))
    return frozenset(f"{name}.{key}" for key in filled)


def _upper(props: Mapping[str, Any]) -> dict[str, Any]:
    return {key[0].upper() + key[1:]: value for key, value in props.items() if value is not None}


def _lower(props: Mapping[str, Any]) -> Props:
    return {key[0].lower() + key[1:]: value for key, value in props.items()}


def to_actions(actions: Iterable[Props]) -> list[dict[str, Any]]:
    """Return actions as AWS takes them."""
    sent = []
    for action in actions:
        item = compact({"Type": action["type"], "Order": action.get("order")})
        if action.get("targetGroupArn"):
            item["TargetGroupArn"] = action["targetGroupArn"]
        if forward := action.get("forward"):
            item["ForwardConfig"] = {
                "TargetGroups": [
                    compact({"TargetGroupArn": group["arn"], "Weight": group.get("weight")})
                    for group in forward["targetGroups"]
                ]
            }
            if stickiness := forward.get("stickiness"):
                item["ForwardConfig"]["TargetGroupStickinessConfig"] = compact(
                    {"Enabled": bool(stickiness.get("enabled")), "DurationSeconds": stickiness.get("duration")}
                )
        for name in ("redirect", "fixedResponse"):
            if action.get(name):
                item[f"{name[0].upper()}{name[1:]}Config"] = _upper(action[name])
        sent.append(item)
    return sent


def _shown_forward(action: Mapping[str, Any], known: Props) -> Props:
    config = action.get("ForwardConfig", {})
    groups = config.get("TargetGroups") or [{"TargetGroupArn": action["TargetGroupArn"]}]
    stickiness = config.get("TargetGroupStickinessConfig", {})
    if len(groups) == 1 and not known.get("forward") and not stickiness.get("Enabled"):
        return {"targetGroupArn": groups[0]["TargetGroupArn"]}
    return {
        "forward": {
            "targetGroups": [{"arn": group["TargetGroupArn"], "weight": group.get("Weight", 1)} for group in groups],
            "stickiness": {
                "enabled": bool(stickiness.get("Enabled")),
                "duration": stickiness.get("DurationSeconds", 0),
            },
        }
    }


def from_actions(actions: Iterable[Mapping[str, Any]], known: Iterable[Props] | None) -> list[Props]:
    """Return AWS's actions; one target group in the form, of the two possible, that the known action has."""
    forms = list(known or ())
    shown = []
    for index, action in enumerate(sorted(actions, key=lambda action: int(action.get("Order", 0)))):
        item: Props = compact({"type": action["Type"], "order": action.get("Order")})
        if action["Type"] == "forward":
            item |= _shown_forward(action, forms[index] if index < len(forms) else {})
        for name in ("redirect", "fixedResponse"):
            if config := action.get(f"{name[0].upper()}{name[1:]}Config"):
                item[name] = _lower(config)
        shown.append(item)
    return shown


class ElbHandler(Handler):
    """A resource of Elastic Load Balancing: its ID is its ARN, it has tags and attributes."""

    attributes: ClassVar[Mapping[str, tuple[str, Any]]] = {}
    """AWS's attribute of a property, and the value that it has where nobody sets it."""

    def arguments(self, props: Props, names: Mapping[str, str]) -> dict[str, Any]:
        """Return boto3's arguments for the properties that are set."""
        return compact({argument: props.get(name) for name, argument in names.items()})

    def tagging(self, inputs: Props) -> dict[str, Any]:
        """Return the argument that makes AWS tag the resource as it is created."""
        return {"Tags": tag_list(inputs["tags"])} if inputs.get("tags") else {}

    def update_tags(self, resource_id: str, old: Props, new: Props) -> None:
        """Set and remove tags."""
        elb = self.clients("elbv2")
        put, remove = tag_changes(old.get("tags"), new.get("tags"))
        if remove:
            elb.remove_tags(ResourceArns=[resource_id], TagKeys=remove)
        if put:
            elb.add_tags(ResourceArns=[resource_id], Tags=tag_list(put))

    def tags(self, resource_id: str) -> Props:
        """Return the two properties that show the tags."""
        described = self.clients("elbv2").describe_tags(ResourceArns=[resource_id])["TagDescriptions"]
        return tag_state(tags_of(described[0]["Tags"] if described else ()))

    def to_attributes(self, props: Props, names: Iterable[str]) -> list[dict[str, str]]:
        """Return AWS's attributes for the named properties; one that is absent goes back to AWS's own value."""
        sent = []
        for name in sorted(set(names) & self.attributes.keys()):
            key, own = self.attributes[name]
            value = own if props.get(name) is None else props[name]
            sent.append({"Key": key, "Value": str(value).lower() if isinstance(value, bool) else str(value)})
        return sent

    def from_attributes(self, said: Iterable[Mapping[str, str]]) -> Props:
        """Return the properties that AWS's attributes hold, in the type of AWS's own value."""
        values = {item["Key"]: item.get("Value", "") for item in said}
        shown: Props = {}
        for name, (key, own) in self.attributes.items():
            text = values.get(key) or str(own).lower()
            shown[name] = text == "true" if isinstance(own, bool) else int(text) if isinstance(own, int) else text
            if isinstance(own, str):
                shown[name] = values.get(key) or own
        return shown
