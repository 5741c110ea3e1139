"""The local providers as child processes, and the real CLI on the local AWS through them."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2_grpc

from prod_infra.deployment.automation.attached_providers import AttachedProviders
from prod_infra.deployment.engine import ChangeKind
from prod_infra.deployment.policy.gate import PACK
from prod_infra.deployment.project import packaged
from prod_infra.deployment.targets import LocalTarget
from prod_infra.errors import PolicyError, TargetError
from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.server import LocalAws

without_cli = pytest.mark.skipif(not shutil.which("pulumi"), reason="the Pulumi CLI is not on PATH; no registry has it")
DISPOSABLE = {
    "protect_data": "false",
    "deletion_protection": "false",
    "force_destroy": "true",
    "force_delete": "true",
    "skip_final_snapshot": "true",
}


def _ports(attached: AttachedProviders) -> dict[str, int]:
    pairs = (one.split(":") for one in attached.environment["PULUMI_DEBUG_PROVIDERS"].split(","))
    return {package: int(port) for package, port in pairs}


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_both_providers_answer_until_they_are_closed(local_aws: LocalAws) -> None:
    """Each speaks Pulumi's protocol at its port, with the version of its SDK, and is gone after the block."""
    with AttachedProviders(local_aws.endpoint, "eu-central-1") as attached:
        ports = _ports(attached)
        assert set(ports) == {"aws", "random"}
        for port in ports.values():
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                info = provider_pb2_grpc.ResourceProviderStub(channel).GetPluginInfo(empty_pb2.Empty(), timeout=30)
                assert info.version
    assert not any(map(_listens, ports.values()))


def test_providers_end_with_a_process_that_is_killed(local_aws: LocalAws) -> None:
    """A kill -9 of their parent leaves no provider behind."""
    code = (
        "import os; from prod_infra.deployment.automation.attached_providers import AttachedProviders;"
        f"attached = AttachedProviders({local_aws.endpoint!r}, 'eu-central-1');"
        "print(attached.environment['PULUMI_DEBUG_PROVIDERS'], flush=True); os.kill(os.getpid(), 9)"
    )
    # The providers have this stderr, too: it ends when they do.
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -9
    ports = [int(one.split(":")[1]) for one in done.stdout.strip().split(",")]
    assert len(ports) == 2
    assert not any(map(_listens, ports))


def test_an_endpoint_off_loopback_starts_nothing() -> None:
    """The provider refuses it, and that is an error here."""
    with pytest.raises(TargetError, match="ended while it started"):
        AttachedProviders("https://ec2.eu-central-1.amazonaws.com", "eu-central-1")


@pytest.mark.pulumi_cli
@without_cli
def test_the_real_engine_deploys_the_environment_locally(
    local_aws: LocalAws, clients: Clients, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Preview, up, no changes, drift, outputs with secrets masked, and a destroy that leaves nothing."""
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)
    target = LocalTarget(local_aws, tmp_path)
    try:
        # Real protection and the pack go together; what can be destroyed at the end can't pass it.
        assert target.pulumi_engine(packaged(), PACK).preview().counts.keys() == {ChangeKind.CREATE.value}
        engine = target.pulumi_engine(packaged(config=DISPOSABLE))
        engine.up()
        assert not engine.preview().has_changes
        name = "prod-docdb"
        clients("docdb").modify_db_cluster(DBClusterIdentifier=name, BackupRetentionPeriod=3, ApplyImmediately=True)
        drifted = [one for one in engine.refresh().changes if one.kind is not ChangeKind.SAME]
        assert [one.name for one in drifted] == [name]
        assert engine.outputs()["docdbClusterIdentifier"] == name
        state = tmp_path / ".prod-infra/local" / local_aws.instance_id / "pulumi/state"
        assert list(state.rglob("prod.json"))
        engine.destroy()
        assert not clients("docdb").describe_db_clusters()["DBClusters"]
        assert not clients("s3").list_buckets()["Buckets"]
    finally:
        target.close()


@pytest.mark.pulumi_cli
@without_cli
def test_the_pack_stops_the_real_engine(local_aws: LocalAws, clients: Clients, tmp_path: Path) -> None:
    """Seven days of backups: `up` ends before anything is made, and names the rule."""
    target = LocalTarget(local_aws, tmp_path)
    try:
        with pytest.raises(PolicyError, match="docdb-backup-retention"):
            target.pulumi_engine(packaged(config={"backup_retention_period": "7"}), PACK).up()
    finally:
        target.close()
    assert not clients("docdb").describe_db_clusters()["DBClusters"]
