"""Resource properties: from Pulumi's typed values to plain Python and back, secrets and unknowns kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, final

from pulumi.provider.experimental.property_value import Computed, PropertyValue

Props = dict[str, Any]
"""Properties as plain Python values with pulumi-aws's camelCase keys.

Numbers without a fraction are ints; secrets are unwrapped; what is not known yet is `UNKNOWN`.
"""

Values = Mapping[str, PropertyValue]
"""Properties as Pulumi's own typed values, with secretness and dependencies."""

SECRET_MASK: Final = "[secret]"  # noqa: S105  the mask, not a secret
UNKNOWN_MASK: Final = "[unknown]"


@final
class Unknown:
    """A value that is not known before AWS has decided it; met only in previews."""

    def __repr__(self) -> str:
        return UNKNOWN_MASK


UNKNOWN: Final = Unknown()


def _plain(value: PropertyValue, *, masked: bool) -> Any:
    inner = value.value
    if masked and value.is_secret:
        return SECRET_MASK
    if isinstance(inner, Computed):
        return UNKNOWN_MASK if masked else UNKNOWN
    if isinstance(inner, Mapping):
        return {key: _plain(item, masked=masked) for key, item in inner.items()}
    if isinstance(inner, tuple):
        return [_plain(item, masked=masked) for item in inner]
    if isinstance(inner, float) and inner.is_integer():
        return int(inner)
    return inner


def plain(values: Values) -> Props:
    """Return plain values: secrets unwrapped, unknowns as `UNKNOWN`. Never show the result to anyone."""
    return {key: _plain(value, masked=False) for key, value in values.items()}


def masked(values: Values) -> Props:
    """Return JSON that may be shown: secrets as `"[secret]"`, unknowns as `"[unknown]"`."""
    return {key: _plain(value, masked=True) for key, value in values.items()}


def _typed(value: Any) -> PropertyValue:
    if value is UNKNOWN:
        return PropertyValue.computed()
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return PropertyValue(value)
    if isinstance(value, int | float):
        return PropertyValue(float(value))
    if isinstance(value, Mapping):
        return PropertyValue({str(key): _typed(item) for key, item in value.items()})
    return PropertyValue([_typed(item) for item in value])


def typed(props: Mapping[str, Any], secrets: Collection[str] = ()) -> dict[str, PropertyValue]:
    """Return Pulumi's typed values; the properties named in `secrets` become secret as a whole."""
    return {key: _typed(value).with_secret(key in secrets) for key, value in props.items()}


def has_unknown(values: Values) -> bool:
    """Return whether any value, at any depth, is not known yet."""

    def unknown(value: PropertyValue) -> bool:
        inner = value.value
        if isinstance(inner, Mapping):
            return has_unknown(inner)
        return any(map(unknown, inner)) if isinstance(inner, tuple) else isinstance(inner, Computed)

    return any(map(unknown, values.values()))
