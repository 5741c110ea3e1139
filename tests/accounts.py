"""The local AWS in the place of a real account: found by boto3's own variable, entered with made-up credentials."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from prod_infra.deployment.account.aws_target import AwsTarget
from prod_infra.deployment.engine import OnProgress, Program, Result, Review
from prod_infra.deployment.targets import LocalTarget
from prod_infra.local_aws import ACCOUNT_ID
from prod_infra.local_aws.server import LocalAws

ROOT = Path(__file__).parent.parent
IMAGE = f"{ACCOUNT_ID}.dkr.ecr.eu-central-1.amazonaws.com/app@sha256:{'a' * 64}"


def empty_chain(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Leave nothing in the usual chain of credentials."""
    for name in [one for one in os.environ if one.startswith("AWS_")]:
        patch.delenv(name)
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        patch.setenv(name, str(folder / name))


def enter(patch: pytest.MonkeyPatch, server: LocalAws, folder: Path) -> None:
    """Put credentials into the chain with which boto3 enters the account that a local AWS plays."""
    empty_chain(patch, folder)
    patch.setenv("AWS_ENDPOINT_URL", server.endpoint)
    patch.setenv("AWS_ACCESS_KEY_ID", "made-up")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")


def project(folder: Path, main: str = "", config: Mapping[str, Any] | None = None) -> Path:
    """Write a project whose stack prod names the account; its program is the environment, unless one is given.

    Args:
        folder: where.
        main: source of the program.
        config: of the stack; a None leaves a key out.
    """
    folder.mkdir(exist_ok=True)
    (folder / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text())
    (folder / "__main__.py").write_text(main or (ROOT / "__main__.py").read_text())
    given = {
        "aws:region": "eu-central-1",
        "aws:allowedAccountIds": [ACCOUNT_ID],
        "prod-infra:domain_name": "example.com",
        "prod-infra:app_image": IMAGE,
        **(config or {}),
    }
    # JSON is YAML, too.
    (folder / "Pulumi.prod.yaml").write_text(
        json.dumps({"config": {key: value for key, value in given.items() if value is not None}})
    )
    return folder


class StandIn:
    """Stands for Pulumi's engine where there is no CLI: the embedded one, with a plan file that differs each time."""

    def __init__(self, target: LocalTarget, program: Program, plan: Path | None) -> None:
        self._engine = target.engine(program)
        self._plan = plan

    def preview(self) -> Result:
        """Preview, and write a plan."""
        if self._plan:
            # The CLI's has the time, and secrets encrypted with a nonce.
            self._plan.write_text(secrets.token_hex(16))
        return self._engine.preview()

    def up(self, on_progress: OnProgress | None = None) -> Result:
        """Deploy."""
        assert self._plan is not None
        assert self._plan.read_text()
        return self._engine.up(on_progress)

    def outputs(self) -> Mapping[str, Any]:
        """Return the exports."""
        return self._engine.outputs()


def without_cli(patch: pytest.MonkeyPatch, server: LocalAws, folder: Path) -> None:
    """Give `AwsTarget` the stand-in for the CLI; its state is below the folder."""
    local = LocalTarget(server, folder)

    def engine(self: AwsTarget, program: Program, review: Review | None = None, *, plan: Path | None = None) -> StandIn:
        del self, review
        return StandIn(local, program, plan)

    patch.setattr(AwsTarget, "engine", engine)
