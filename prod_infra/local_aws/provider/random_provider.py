"""Pulumi's `random` provider, for passwords and IDs. Nothing of it lies in AWS: the state is all there is."""

from __future__ import annotations

import base64
import secrets
import string
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.provider.handler import Handler
from prod_infra.local_aws.provider.provider import HandlerProvider
from prod_infra.properties import Props

_SPECIAL: Final = "!@#$%&*()-_=+[]{}<>:?"
_KINDS: Final[Mapping[str, str]] = {
    "lower": string.ascii_lowercase,
    "numeric": string.digits,
    "special": _SPECIAL,
    "upper": string.ascii_uppercase,
}


def _minimum(kind: str) -> str:
    return f"min{kind.capitalize()}"


class RandomPassword(Handler):
    """A password from the operating system's source of randomness. The output `bcryptHash` is not offered."""

    token = "random:index/randomPassword:RandomPassword"  # noqa: S105  a type token
    regional = False
    inputs = frozenset({"keepers", "length", "overrideSpecial", *_KINDS, *(_minimum(kind) for kind in _KINDS)})
    replace_on = inputs
    defaults: ClassVar[Mapping[str, Any]] = {
        **dict.fromkeys(_KINDS, True),
        **{_minimum(kind): 0 for kind in _KINDS},
    }
    write_only = inputs
    outputs = frozenset({"result"})
    secret_outputs = frozenset({"result"})
    _drawn = ""

    def faults(self, inputs: Props) -> dict[str, str]:
        """The length must hold every minimum, and something must be left to draw from."""
        least = [inputs.get(_minimum(kind)) or 0 for kind in _KINDS]
        length = inputs.get("length")
        if not isinstance(length, int) or not all(isinstance(count, int) for count in least):
            return {}
        if length < max(1, sum(least)):
            return {"length": f"a password of {length} can't hold the minimums, {sum(least)} together"}
        if not any(inputs.get(kind) for kind in _KINDS):
            return {"length": f"every kind of character is switched off: leave one of {', '.join(_KINDS)} on"}
        return {}

    def create(self, inputs: Props) -> str:
        """Draw the password. The ID says nothing, as pulumi-random's does; `read` hands the password out."""
        kinds = {**_KINDS, "special": inputs.get("overrideSpecial") or _SPECIAL}
        drawn = [
            secrets.choice(characters)
            for kind, characters in kinds.items()
            for _ in range(inputs.get(_minimum(kind)) or 0)
        ]
        everything = "".join(characters for kind, characters in kinds.items() if inputs.get(kind))
        drawn += [secrets.choice(everything) for _ in range(inputs["length"] - len(drawn))]
        secrets.SystemRandom().shuffle(drawn)
        self._drawn = "".join(drawn)
        return "none"

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the state: nothing else knows the password."""
        del resource_id
        known = {name: state.get(name) for name in self.inputs}
        return {**known, "result": state.get("result", self._drawn)}

    def delete(self, resource_id: str, state: Props) -> None:
        """Forget it: there is nothing to delete."""


class RandomId(Handler):
    """Random bytes, in several notations."""

    token = "random:index/randomId:RandomId"  # noqa: S105  a type token
    regional = False
    inputs = frozenset({"byteLength", "keepers", "prefix"})
    replace_on = inputs
    write_only = frozenset({"keepers", "prefix"})
    outputs = frozenset({"b64Std", "b64Url", "dec", "hex"})

    def faults(self, inputs: Props) -> dict[str, str]:
        """At least one byte."""
        length = inputs.get("byteLength")
        return {"byteLength": "at least 1 byte is needed"} if isinstance(length, int) and length < 1 else {}

    def create(self, inputs: Props) -> str:
        """Draw the bytes; the ID holds them in URL-safe Base64 without padding."""
        return base64.urlsafe_b64encode(secrets.token_bytes(inputs["byteLength"])).decode().rstrip("=")

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the bytes that the ID holds, in every notation, each after the prefix."""
        drawn = base64.urlsafe_b64decode(resource_id + "=" * (-len(resource_id) % 4))
        prefix = state.get("prefix") or ""
        return {
            "byteLength": len(drawn),
            "keepers": state.get("keepers"),
            "prefix": state.get("prefix"),
            "b64Std": prefix + base64.b64encode(drawn).decode(),
            "b64Url": prefix + resource_id,
            "dec": prefix + str(int.from_bytes(drawn, "big")),
            "hex": prefix + drawn.hex(),
        }

    def delete(self, resource_id: str, state: Props) -> None:
        """Forget it: there is nothing to delete."""


RANDOM_HANDLERS: Final[Mapping[str, type[Handler]]] = {handler.token: handler for handler in (RandomPassword, RandomId)}


class LocalRandomProvider(HandlerProvider):
    """Pulumi's `random` provider, in Python."""

    def __init__(self) -> None:
        # Its handlers call nothing: the address is never used.
        super().__init__("random", RANDOM_HANDLERS, Clients("http://127.0.0.1", "us-east-1"))
