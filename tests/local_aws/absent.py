"""Inputs that a service's model takes and that name what is not there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

IDENTIFIERS: Final = ("Identifier", "Id", "Arn", "ARN", "Name", "cluster", "service")
"""Ends of members that name a resource, for an operation that requires no member."""

PLAIN: Final = {"string", "integer", "long", "boolean"}


def absent(operation: Any) -> dict[str, Any]:
    """Return the members that an operation requires, or, if it requires none, those that name something.

    Args:
        operation: botocore's OperationModel.
    """
    shape = operation.input_shape
    if shape is None:
        return {}
    wanted = shape.required_members or [
        name for name, member in shape.members.items() if member.type_name == "string" and name.endswith(IDENTIFIERS)
    ]
    return {name: _value(shape.members[name], name, operation.service_model.signing_name) for name in wanted}


def _value(shape: Any, name: str, service: str) -> Any:  # noqa: PLR0911  one for each type
    match shape.type_name:
        case "structure":
            # Of one that requires nothing its plain members: an empty one is not even sent.
            plain = [each for each, member in shape.members.items() if member.type_name in PLAIN]
            return {each: _value(shape.members[each], each, service) for each in shape.required_members or plain}
        case "list":
            return [_value(shape.member, name, service)] * max(1, shape.metadata.get("min", 1))
        case "map":
            return {_text(shape.key, "key", service): _value(shape.value, "value", service)}
        case "boolean":
            return False
        case "integer" | "long":
            return max(1, shape.metadata.get("min", 1))
        case "float" | "double":
            return 1.0
        case "timestamp":
            return datetime.now(UTC)
        case "blob":
            return b"absent"
        case _:
            return _text(shape, name, service)


def _text(shape: Any, name: str, service: str) -> str:
    if shape.enum:
        return str(shape.enum[0])
    if name.lower().endswith("arn") or shape.name.lower().endswith("arn"):
        return f"arn:aws:{service}:eu-central-1:123456789012:absent/absent/0123456789abcdef"
    return "absent".ljust(shape.metadata.get("min", 0), "0")
