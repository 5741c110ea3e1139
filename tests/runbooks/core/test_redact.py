"""Secrets are taken out of text and JSON, and nothing else is."""

from __future__ import annotations

import json

import pytest

from runbooks.core.redact import Redactor, secret_values


@pytest.mark.parametrize(
    "text",
    [
        "password is s3cret/v@lue here",
        json.dumps({"a": "s3cret/v@lue"}),
        "https://example.com/?p=s3cret%2Fv%40lue",
    ],
)
def test_known_values_are_masked_in_every_form(text: str) -> None:
    """A known secret is masked as it is, in JSON and in a URL."""
    masked = Redactor(["s3cret/v@lue"]).text(text)
    assert "[secret]" in masked
    assert "s3cret" not in masked


def test_each_line_of_a_secret_is_one() -> None:
    """A secret of several lines is masked when it is shown line by line."""
    masked = Redactor(["first-line-of-it\nsecond-line-of-it"]).text("… second-line-of-it")
    assert masked == "… [secret]"


def test_short_values_are_no_secrets() -> None:
    """A secret of a few characters would mask half of the words."""
    assert Redactor(["on"]).text("connection") == "connection"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("mongodb://admin:hunter22@db.example.com:27017", "mongodb://admin:"),
        ("MasterUserPassword='hunter22', Port=1", "Port=1"),
        ('{"SecretString": "hunter22"}', '{"SecretString": '),
        ("-----BEGIN PRIVATE KEY-----\nhunter22\n-----END PRIVATE KEY-----\nafter", "after"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, kept: str) -> None:
    """Credentials in URLs, quoted passwords and private keys are masked without being known."""
    masked = Redactor().text(text)
    assert "hunter22" not in masked
    assert kept in masked


def test_json_keeps_its_shape() -> None:
    """In JSON, what stands under a key such as `password` is masked, the rest stays."""
    value = {"master_password": "x", "name": "prod", "n": [1, True, None], "password": ""}
    assert Redactor().json(value) == {
        "master_password": "[secret]",
        "name": "prod",
        "n": [1, True, None],
        "password": "",
    }


def test_environment_variables_named_like_secrets() -> None:
    """Values of variables named like a secret are known; paths to files that hold one are not secret."""
    environ = {"AWS_SECRET_ACCESS_KEY": "abcdefgh12", "TOKEN_FILE": "/run/token-file", "HOME": "/home/someone"}
    masked = Redactor.of_environment(environ).text("abcdefgh12 /run/token-file /home/someone")
    assert masked == "[secret] /run/token-file /home/someone"


def test_secret_parameters_are_found() -> None:
    """Parameters are secret by their name, nested ones too."""
    assert secret_values({"a": "b", "api_key": "one", "settings": {"db_password": "two"}}) == ["one", "two"]
