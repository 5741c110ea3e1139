"""The admin paths: what they answer, and what they say to what can't be right."""

from __future__ import annotations

import httpx
import pytest

from prod_infra.errors import TargetError
from prod_infra.local_aws import admin
from prod_infra.local_aws.server import LocalAws


def test_an_unknown_path_names_the_known_ones(local_aws: LocalAws) -> None:
    """A misspelt path is a 404 that helps."""
    response = httpx.get(f"{local_aws.endpoint}/_prod_infra/clocks")
    assert response.status_code == 404
    assert "GET /clock" in response.json()["known"]


@pytest.mark.parametrize(
    ("body", "words"), [(b"{", "the body is no JSON"), (b"[1]", "a JSON object"), (b'{"factor": true}', "a number")]
)
def test_a_body_that_can_not_be_is_a_400_with_words(local_aws: LocalAws, body: bytes, words: str) -> None:
    """Nothing changes."""
    before = local_aws.admin("GET", "/clock")
    response = httpx.post(f"{local_aws.endpoint}/_prod_infra/clock", content=body)
    assert response.status_code == 400
    assert words in response.json()["message"]
    assert local_aws.admin("GET", "/clock") == before


def test_the_clock_is_set_and_told(local_aws: LocalAws) -> None:
    """The answer is the new factor."""
    assert local_aws.admin("POST", "/clock", factor=120) == {"factor": 120}
    local_aws.reset()


def test_the_client_raises_the_servers_words(local_aws: LocalAws) -> None:
    """As an error of the target."""
    with pytest.raises(TargetError, match="POST /clock: factor is AWS's seconds"):
        local_aws.admin("POST", "/clock", factor=-1)


def test_a_path_has_one_answer() -> None:
    """A second one for the same call is a mistake in the code, found at the start."""
    admin.route("GET /of-this-test")(lambda _: {})
    with pytest.raises(ValueError, match="has an answer already"):
        admin.route("GET /of-this-test")(lambda _: {})
    del admin.ROUTES["GET /of-this-test"]
