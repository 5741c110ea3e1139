"""Passwords and IDs."""

from __future__ import annotations

import base64
import string

import pytest

from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.provider.random_provider import LocalRandomProvider
from tests.local_aws.provider.lifecycle import Resource

PASSWORD = "random:index/randomPassword:RandomPassword"
ID = "random:index/randomId:RandomId"
NOWHERE = Clients("http://127.0.0.1:1", "eu-central-1")


def resource(token: str) -> Resource:
    """Return a resource of the random provider."""
    return Resource(NOWHERE, token, provider=LocalRandomProvider())


def test_password() -> None:
    """A password has its length, is secret, differs each time, and stays through reads."""
    results = []
    for _ in range(2):
        password = resource(PASSWORD)
        assert password.check({"length": 32}) == {}
        password.create()
        assert password.typed_state["result"].is_secret
        assert len(password.state["result"]) == 32
        assert password.read() == password.state
        assert not password.diff().changes
        assert password.state["result"] not in password.id
        results.append(password.state["result"])
    assert results[0] != results[1]


def test_password_characters() -> None:
    """Kinds can be switched off, required and replaced."""
    password = resource(PASSWORD)
    assert (
        password.check({"length": 12, "upper": False, "minNumeric": 3, "minSpecial": 2, "overrideSpecial": "_"}) == {}
    )
    password.create()
    result = password.state["result"]
    assert set(result) <= set(string.ascii_lowercase + string.digits + "_")
    assert sum(character in string.digits for character in result) >= 3
    assert result.count("_") >= 2


def test_password_change_replaces() -> None:
    """Another length, or another keeper, is another password."""
    password = resource(PASSWORD)
    password.check({"length": 12})
    password.create()
    password.check({"length": 12, "keepers": {"rotation": "2"}})
    assert password.diff().replaces == ["keepers"]


@pytest.mark.parametrize(
    "inputs",
    [
        {"length": 0},
        {"length": 3, "minUpper": 4},
        {"length": 9} | dict.fromkeys(("lower", "numeric", "special", "upper"), False),
    ],
)
def test_impossible_password(inputs: dict[str, object]) -> None:
    """A password that can't be drawn is refused before anything is created."""
    assert "length" in resource(PASSWORD).check(inputs)


def test_bcrypt_hash_is_not_promised() -> None:
    """The one output of pulumi-random that is missing is not shown as unknown, as if it were to come."""
    password = resource(PASSWORD)
    password.check({"length": 12})
    assert "bcryptHash" not in password.preview()


def test_id() -> None:
    """An ID shows the same bytes in every notation, and survives a read from its ID alone."""
    made = resource(ID)
    assert made.check({"byteLength": 5, "prefix": "x-"}) == {}
    made.create()
    drawn = base64.b64decode(made.state["b64Std"].removeprefix("x-"))
    assert len(drawn) == 5
    assert made.state["hex"] == f"x-{drawn.hex()}"
    assert made.state["dec"] == f"x-{int.from_bytes(drawn, 'big')}"
    assert made.read() == made.state
    assert not made.diff().changes
