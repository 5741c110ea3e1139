"""The real Pulumi CLI runs the project unchanged: our program, our pack, our provider for the local AWS.

Skipped where there is no CLI, which comes from no package registry; `tests/local_aws/provider/test_wire.py` and
`tests/deployment/policy/test_gate.py` cover the same protocols without it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from prod_infra.deployment.project import packaged
from prod_infra.deployment.targets import LocalTarget
from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.server import LocalAws

PULUMI = shutil.which("pulumi") or ""
ROOT = Path(__file__).parent.parent
DISPOSABLE = {
    "protect_data": "false",
    "deletion_protection": "false",
    "force_destroy": "true",
    "force_delete": "true",
    "skip_final_snapshot": "true",
}

pytestmark = [
    pytest.mark.pulumi_cli,
    pytest.mark.skipif(not PULUMI, reason="the Pulumi CLI is not on PATH; no registry has it"),
]


class Cli:
    """The CLI in a copy of the project, with a file backend and the local providers attached."""

    def __init__(self, folder: Path, endpoint: str) -> None:
        self.project = folder / "project"
        self.project.mkdir()
        for name in ("Pulumi.yaml", "Pulumi.prod.yaml", "__main__.py"):
            shutil.copy(ROOT / name, self.project)
        (folder / "state").mkdir()
        self._providers = [self._serve(package, endpoint) for package in ("aws", "random")]
        attached = ",".join(f"{package}:{port}" for package, _, port in self._providers)
        self._environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "VIRTUAL_ENV": str(Path(sys.executable).parent.parent),
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "rehearsal",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DEBUG_PROVIDERS": attached,
        }
        self("stack", "init", "prod")

    @staticmethod
    def _serve(package: str, endpoint: str) -> tuple[str, subprocess.Popen[str], str]:
        command = [sys.executable, "-m", "prod_infra.local_aws.provider", package, "--endpoint", endpoint]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout
        return package, process, process.stdout.readline().strip()

    def __call__(self, *arguments: str) -> str:
        """Run the CLI, require success and return what it printed."""
        done = subprocess.run(
            [PULUMI, *arguments, "--non-interactive"],
            cwd=self.project,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout

    def close(self) -> None:
        """Stop the providers."""
        for _, process, _ in self._providers:
            process.terminate()
            process.wait()
            assert process.stdout
            process.stdout.close()


@pytest.fixture
def cli(local_aws: LocalAws, clients: Clients, tmp_path: Path) -> Iterator[Cli]:
    """The CLI with an empty stack and an empty local AWS."""
    del clients
    opened = Cli(tmp_path, local_aws.endpoint)
    yield opened
    opened.close()


def test_the_environment_lives_under_the_real_engine(cli: Cli, clients: Clients) -> None:
    """Preview with the pack, up, no changes afterwards and after a refresh, and a destroy that leaves nothing."""
    pack = ("--policy-pack", str(ROOT / "policies"))
    cli("preview", *pack)
    cli("up", "--yes", *pack)
    cli("preview", "--expect-no-changes", *pack)
    cli("refresh", "--yes", "--expect-no-changes")
    for name, value in DISPOSABLE.items():
        cli("config", "set", f"prod-infra:{name}", value)
    cli("up", "--yes")
    cli("destroy", "--yes")
    assert not clients("docdb").describe_db_clusters()["DBClusters"]
    assert not clients("s3").list_buckets()["Buckets"]


def test_the_pack_blocks_an_unsafe_setting_before_anything_is_made(cli: Cli, clients: Clients) -> None:
    """A preview with the pack fails on seven days of backups, and says which rule."""
    cli("config", "set", "prod-infra:backup_retention_period", "7")
    with pytest.raises(AssertionError, match="docdb-backup-retention"):
        cli("preview", "--policy-pack", str(ROOT / "policies"))
    assert not clients("docdb").describe_db_clusters()["DBClusters"]


def test_the_real_engine_takes_over_a_rehearsal(
    cli: Cli, local_aws: LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The embedded engine's state file imports as it is, and the CLI then finds nothing to change; and back."""
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "rehearsal")
    target = LocalTarget(local_aws, tmp_path)
    target.engine(packaged()).up()
    cli("stack", "import", "--file", str(target.state_path("prod")))
    cli("preview", "--expect-no-changes")
    cli("stack", "export", "--file", str(target.state_path("prod")))
    assert not target.engine(packaged()).preview().has_changes
