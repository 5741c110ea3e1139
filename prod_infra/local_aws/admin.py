"""The admin paths of the local AWS, `/_prod_infra/…`: what a rehearsal sets and asks that no AWS has a call for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

Answer: TypeAlias = Callable[[Mapping[str, Any]], Any]

ROUTES: Final[dict[str, Answer]] = {}
"""By method and path below `/_prod_infra`, such as `POST /clock`."""

ON_RESET: Final[list[Callable[[], None]]] = []
"""Called when the server forgets every resource: each extension forgets what it holds beside moto."""


class AdminError(Exception):
    """A call that can't be right; the client reads its words with status 400."""


def route(call: str) -> Callable[[Answer], Answer]:
    """Decorate the function that answers a call, such as `POST /clock`.

    It gets the query's parameters and the JSON body's members in one mapping, and returns JSON. It runs with the data
    of the calls to itself, like a call, and raises AdminError for what can't be right.
    """

    def put(answer: Answer) -> Answer:
        if call in ROUTES:
            raise ValueError(f"{call} has an answer already")
        ROUTES[call] = answer
        return answer

    return put
