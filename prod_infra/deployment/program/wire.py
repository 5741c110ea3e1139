"""Properties on Pulumi's wire (protobuf structs) to Pulumi's typed values and back.

`PropertyValue.marshal` and `unmarshal` of pulumi 3.272 know no unknowns; a deployment engine lives on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from google.protobuf import struct_pb2
from pulumi.provider.experimental.property_value import Computed, PropertyValue

from prod_infra.errors import ProdInfraError
from prod_infra.properties import Values

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
"""Key that marks a map as a special value: https://github.com/pulumi/pulumi/blob/master/sdk/python/lib/pulumi/runtime/rpc.py."""

SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  Pulumi's public marker of secrets
UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the SDK sends for a value that is not known yet."""


def _from_value(value: struct_pb2.Value) -> PropertyValue:  # noqa: PLR0911  one for each kind of value
    match value.WhichOneof("kind"):
        case "string_value":
            return PropertyValue.computed() if value.string_value == UNKNOWN else PropertyValue(value.string_value)
        case "number_value":
            return PropertyValue(value.number_value)
        case "bool_value":
            return PropertyValue(value.bool_value)
        case "list_value":
            return PropertyValue([_from_value(item) for item in value.list_value.values])
        case "struct_value":
            fields = value.struct_value.fields
            if SIGNATURE not in fields:
                return PropertyValue({key: _from_value(item) for key, item in fields.items()})
            if fields[SIGNATURE].string_value == SECRET:
                return _from_value(fields["value"]).with_secret(is_secret=True)
            raise ProdInfraError(
                "An asset, archive or resource reference was passed as a property, and the embedded engine takes none.",
                hint="pass the content, or the resource's id or arn, instead",
            )
    return PropertyValue.null()


def from_struct(struct: struct_pb2.Struct) -> dict[str, PropertyValue]:
    """Return the typed values of a struct; absent properties (nulls at the top) are left out, as Pulumi does.

    Raises:
        ProdInfraError: an asset, archive or resource reference is in it.
    """
    return {key: _from_value(value) for key, value in struct.fields.items() if value.WhichOneof("kind") != "null_value"}


def _to_value(value: PropertyValue) -> struct_pb2.Value:
    inner = value.value
    if isinstance(inner, Computed):
        wire = struct_pb2.Value(string_value=UNKNOWN)
    elif inner is None:
        wire = struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    elif isinstance(inner, bool):
        wire = struct_pb2.Value(bool_value=inner)
    elif isinstance(inner, float):
        wire = struct_pb2.Value(number_value=inner)
    elif isinstance(inner, str):
        wire = struct_pb2.Value(string_value=inner)
    elif isinstance(inner, tuple):
        wire = struct_pb2.Value(list_value=struct_pb2.ListValue(values=[_to_value(item) for item in inner]))
    elif isinstance(inner, Mapping):
        wire = struct_pb2.Value(struct_value=to_struct(inner))
    else:
        raise TypeError(f"a provider returned a {type(inner).__name__}, and the embedded engine takes none")
    if not value.is_secret:
        return wire
    marker = struct_pb2.Value(string_value=SECRET)
    return struct_pb2.Value(struct_value=struct_pb2.Struct(fields={SIGNATURE: marker, "value": wire}))


def to_struct(values: Values) -> struct_pb2.Struct:
    """Return the wire form of typed values, secrets and unknowns marked as the SDK marks them."""
    return struct_pb2.Struct(fields={key: _to_value(value) for key, value in values.items()})
