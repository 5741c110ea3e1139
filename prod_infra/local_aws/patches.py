"""How an extension changes moto in the server's process, without editing moto."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


def around(owner: Any, name: str) -> Callable[[Function], Function]:
    """Decorate a function to answer in the place of `owner.name`; its first argument is the original.

    Args:
        owner: a class or a module of moto.
        name: the function's name there. One that moto has renamed fails at the start, not in a deploy.
    """

    def put(function: Function) -> Function:
        original = getattr(owner, name)

        @functools.wraps(original)
        def replacement(*args: Any, **kwargs: Any) -> Any:
            return function(original, *args, **kwargs)

        setattr(owner, name, replacement)
        return function

    return put


def added(owner: Any, name: str) -> Callable[[Function], Function]:
    """Decorate a function to become `owner.name`, which moto must not have: else moto's own would be hidden."""

    def put(function: Function) -> Function:
        if hasattr(owner, name):
            raise AttributeError(f"moto has {owner.__name__}.{name} now: drop prod_infra's own")
        setattr(owner, name, function)
        return function

    return put
