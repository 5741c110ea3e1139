"""The one exception for what AWS refuses: moto's dispatch writes it in the protocol of the call."""

from __future__ import annotations

from typing import Any

from moto.core.exceptions import ServiceException


class Refused(ServiceException):  # type: ignore[misc]  # moto has no type information
    """An AWS error, as `Refused("DependencyViolation", "The subnet has dependencies")`.

    moto takes the status and the fault (`Sender` or `Receiver`) from the service's model of that code; it looks for a
    model by the module of the class, too, and fails for its own base class, so this one lives outside moto.

    Args:
        code: of the error.
        message: for the reader.
        members: others that the error has in the service's model, such as `reason`.
    """

    def __init__(self, code: str, message: str, **members: Any) -> None:
        super().__init__(code, message)
        self.__dict__.update(members)
