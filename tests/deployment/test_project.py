"""Programs from a project folder, as the real CLI reads it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from prod_infra.deployment import project
from prod_infra.deployment.embedded.secrets_manager import SecretsManager
from prod_infra.deployment.program.evaluate import register
from prod_infra.errors import InvalidInputError
from prod_infra.properties import masked
from tests.deployment.sandbox import PASSPHRASE, SALT

PROGRAM = """
import pulumi
from helper_of_this_project import text
config = pulumi.Config()
pulumi.export("said", text(config.require("word")))
pulumi.export("shape", config.require_object("shape"))
pulumi.export("default", config.get("default"))
pulumi.export("region", pulumi.Config("aws").require("region"))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with a module beside its program."""
    config = "config:\n  aws:region: eu-west-1\n  default: given\n"
    (tmp_path / "Pulumi.yaml").write_text(f"name: shop\nruntime:\n  name: python\nmain: src\n{config}")
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  shop:word: hi\n  shape:\n    sides: 3\n    round: false\n")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "__main__.py").write_text(PROGRAM)
    (tmp_path / "src" / "helper_of_this_project.py").write_text("def text(word):\n    return word + '!'\n")
    return tmp_path


def test_the_program_runs_with_its_folder_first_and_its_configuration(folder: Path) -> None:
    """Structured values arrive as JSON, keys without a namespace are the project's, defaults come from Pulumi.yaml."""
    before = list(sys.path)
    stack = register(project.load(folder, "dev"))[0]
    assert masked(stack.outputs) == {
        "said": "hi!",
        "shape": {"sides": 3, "round": False},
        "default": "given",
        "region": "eu-west-1",
    }
    assert stack.urn == "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev"
    assert sys.path == before


def test_encrypted_configuration_is_decrypted_and_stays_secret(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the stack's salt and the passphrase, as the CLI does."""
    secret = SecretsManager(PASSPHRASE, SALT).encrypt("hunter2!")
    (folder / "Pulumi.dev.yaml").write_text(f"encryptionsalt: {SALT}\nconfig:\n  shop:word:\n    secure: {secret}\n")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", PASSPHRASE)
    loaded = project.load(folder, "dev")
    assert loaded.config["shop:word"] == "hunter2!"
    assert loaded.secret_keys == {"shop:word"}
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE")
    with pytest.raises(InvalidInputError, match="shop:word is encrypted, and PULUMI_CONFIG_PASSPHRASE is not set"):
        project.load(folder, "dev")


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("Pulumi.yaml", None, "Pulumi.yaml is missing"),
        ("Pulumi.yaml", "name: [", "Pulumi.yaml can't be read"),
        ("Pulumi.yaml", "- 1", "must hold a mapping"),
        ("Pulumi.yaml", "runtime: python\nmain: src", "name must be"),
        ("Pulumi.yaml", "name: shop\nruntime: nodejs\nmain: src", "runtime must be python"),
        ("Pulumi.yaml", "name: shop\nruntime: python\nmain: elsewhere", "is missing"),
        ("Pulumi.dev.yaml", "config: [1]", "config must be a mapping"),
    ],
)
def test_faults_of_the_files_are_named(folder: Path, name: str, text: str | None, fault: str) -> None:
    """Before anything runs."""
    if text is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(text)
    with pytest.raises(InvalidInputError, match=fault):
        project.load(folder, "dev")


def test_the_packaged_program_needs_no_file() -> None:
    """Its settings are the project's configuration."""
    program = project.packaged("prod", {"domain_name": "example.org", "aws:region": "eu-central-1"})
    assert (program.project, program.stack) == ("prod-infra", "prod")
    assert program.config == {"prod-infra:domain_name": "example.org", "aws:region": "eu-central-1"}
