"""What the CLI's failures are to a person, and the way out of each; the CLI itself is a script here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pulumi.automation import CommandResult
from pulumi.automation.errors import create_command_error

from prod_infra.deployment.automation.pulumi_engine import PulumiEngine
from prod_infra.deployment.automation.pulumi_events import Listener
from prod_infra.deployment.engine import Program
from prod_infra.errors import DeploymentError, ProdInfraError, StateError

PENDING = "warning: Attempting to deploy or update resources with 1 pending operations from previous deployment."


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> PulumiEngine:
    """An engine whose CLI fails every preview with what `said` holds."""
    script = tmp_path / "pulumi"
    script.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        "*version*) echo v3.272.0;;\n"
        f"*preview*) cat {tmp_path}/said >&2; exit 255;;\n"
        "*) echo {};;\nesac\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "made-up")
    program = Program(project="laws", stack="test", main=lambda: None)
    return PulumiEngine(program, backend=f"file://{tmp_path}", folder=tmp_path / "stack")


def _fault(engine: PulumiEngine, folder: Path, said: str) -> ProdInfraError:
    (folder / "said").write_text(said)
    with pytest.raises(ProdInfraError) as caught:
        engine.preview()
    return caught.value


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        (f"{PENDING}\nerror: update failed", StateError, ("nobody knows", "in a terminal")),
        ("error: snapshot integrity failure", StateError, ("contradicts itself", "pulumi state repair")),
        (
            "error: no resource plugin 'pulumi-resource-aws' found",
            DeploymentError,
            ("resource plugin", "plugin install"),
        ),
        ("error: resource a violates plan", DeploymentError, ("no longer what was approved", "preview again")),
        ("error: AWS is on fire", DeploymentError, ("AWS is on fire", "mend the cause")),
    ],
)
def test_a_failure_of_the_cli_has_its_way_out(
    engine: PulumiEngine, tmp_path: Path, said: str, kind: type[ProdInfraError], words: tuple[str, str]
) -> None:
    """Each is told in the CLI's words or in ours, with what to do next."""
    fault = _fault(engine, tmp_path, said)
    assert isinstance(fault, kind)
    assert words[0] in str(fault)
    assert words[1] in fault.hint


def test_what_failed_is_told_before_what_is_pending(engine: PulumiEngine) -> None:
    """A killed run's operations are a warning of the CLI's in every run: they are not what went wrong."""
    listener = Listener()
    listener.failures["urn:pulumi:test::laws::memory:index:Thing::a"] = "AlreadyExists"
    error = create_command_error(CommandResult(stdout=PENDING, stderr="error: update failed", code=255))
    fault = engine._error("up", error, listener)
    assert isinstance(fault, DeploymentError)
    assert "AlreadyExists" in str(fault)
    assert "in a terminal" in fault.hint
