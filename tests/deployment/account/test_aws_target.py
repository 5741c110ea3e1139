"""Target aws: the right account or none, and nothing but the approved plan; held against the local AWS by boto3."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pulumi
import pulumi_aws
import pytest

from prod_infra.deployment.account.aws_target import AwsTarget, SavedPlan
from prod_infra.deployment.automation.attached_providers import AttachedProviders
from prod_infra.deployment.engine import ChangeKind, Program, Result
from prod_infra.errors import ApprovalError, DeploymentError, StateError, TargetError
from prod_infra.local_aws import ACCOUNT_ID
from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.server import LocalAws

CONFIG = {"aws:region": "eu-central-1", "aws:allowedAccountIds": f'["{ACCOUNT_ID}"]'}

without_cli = pytest.mark.skipif(not shutil.which("pulumi"), reason="the Pulumi CLI is not on PATH; no registry has it")


@pytest.fixture
def chain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """The usual chain of credentials, with nothing in it."""
    for name in [one for one in os.environ if one.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / name))
    return monkeypatch


@pytest.fixture
def account(chain: pytest.MonkeyPatch, local_aws: LocalAws, clients: Clients) -> Clients:
    """Credentials of the account that the local AWS plays; boto3 finds it by its own variable."""
    chain.setenv("AWS_ENDPOINT_URL", local_aws.endpoint)
    chain.setenv("AWS_ACCESS_KEY_ID", "made-up")
    chain.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    return clients


def program(config: dict[str, str], bucket: str = "prod-first") -> Program:
    """A program of one bucket."""

    def main() -> None:
        made = pulumi_aws.s3.Bucket("bucket", bucket=bucket, force_destroy=True)
        pulumi.export("name", made.bucket)

    return Program(project="one-bucket", stack="prod", main=main, config=config)


@pytest.mark.usefixtures("account")
def test_the_account_that_the_stack_names_is_opened(tmp_path: Path) -> None:
    """The credentials' account is the stack's: clients work, and a record says account, region and caller."""
    with AwsTarget.open(program(CONFIG), tmp_path) as target:
        assert target.describe() == {
            "name": "aws",
            "account_id": ACCOUNT_ID,
            "region": "eu-central-1",
            "caller": target.clients()("sts").get_caller_identity()["Arn"],
        }
        assert target.clients()("s3").list_buckets()["Buckets"] == []


@pytest.mark.usefixtures("account")
def test_another_account_and_another_region_are_refused_together(chain: pytest.MonkeyPatch) -> None:
    """Both accounts and both regions are named, and nothing happens."""
    chain.setenv("AWS_DEFAULT_REGION", "us-west-2")
    with pytest.raises(TargetError) as caught:
        AwsTarget.open(program({**CONFIG, "aws:allowedAccountIds": '["999999999999"]'}))
    for said in (ACCOUNT_ID, "999999999999", "us-west-2", "eu-central-1", "Nothing has happened"):
        assert said in caught.value.message


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, ["aws:allowedAccountIds", "aws:region"]),
        ({"aws:region": "eu-central-1"}, ["aws:allowedAccountIds"]),
        ({"aws:region": "eu-central-1", "aws:allowedAccountIds": "[12345678901]"}, ["'12345678901' is no account"]),
    ],
)
@pytest.mark.usefixtures("chain")
def test_a_stack_that_names_no_account_is_refused(config: dict[str, str], said: list[str]) -> None:
    """A stack says in its own configuration where it belongs; no credentials decide it."""
    with pytest.raises(TargetError) as caught:
        AwsTarget.open(program(config))
    assert all(words in caught.value.message for words in said)
    assert "pulumi config set" in caught.value.hint


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "There are no AWS credentials"),
        ({"AWS_PROFILE": "nobodys"}, "no AWS profile 'nobodys'"),
        ({"AWS_ACCESS_KEY_ID": "made-up"}, "not complete"),
    ],
)
def test_credentials_that_are_not_there_say_how_to_log_in(
    chain: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    """No credentials, half of them, and a profile that does not exist."""
    for name, value in variables.items():
        chain.setenv(name, value)
    with pytest.raises(TargetError, match=said) as caught:
        AwsTarget.open(program(CONFIG))
    assert "aws sso login" in caught.value.hint


@pytest.mark.usefixtures("account")
def test_expired_credentials_say_so(local_aws: LocalAws) -> None:
    """AWS's ExpiredToken becomes a sentence and a way out."""
    with (
        local_aws.fault("error", service="sts", code="ExpiredToken", status=403),
        pytest.raises(TargetError, match="have expired"),
    ):
        AwsTarget.open(program(CONFIG))


def test_a_plan_that_was_altered_is_refused_before_the_cli_runs(tmp_path: Path, account: Clients) -> None:
    """One byte more in the kept plan file, or no file at all, and nothing is changed."""
    target = AwsTarget.open(program(CONFIG), tmp_path)
    path = tmp_path / "plan.json"
    plan = SavedPlan(path=path, sha256="0" * 64, result=Result(operation="preview", changes=()))
    with pytest.raises(ApprovalError, match="not the one that was approved"):
        target.up(program(CONFIG), plan)
    path.write_text("{}")
    with pytest.raises(ApprovalError, match="not the one that was approved"):
        target.up(program(CONFIG), plan)
    assert account("s3").list_buckets()["Buckets"] == []


@pytest.fixture
def target(account: Clients, chain: pytest.MonkeyPatch, local_aws: LocalAws, tmp_path: Path) -> Iterator[AwsTarget]:
    """The local AWS as an account, for the real CLI as well: its provider is attached by the CLI's own variable."""
    del account
    (tmp_path / "state").mkdir()
    chain.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path / 'state'}")
    chain.setenv("PULUMI_CONFIG_PASSPHRASE", "made-up")
    with AttachedProviders(local_aws.endpoint, "eu-central-1") as attached:
        for name, value in attached.environment.items():
            chain.setenv(name, value)
        yield AwsTarget.open(program(CONFIG), tmp_path)


# A program of one bucket holds against no policy; the pack has its own tests.
@pytest.fixture
def without_pack(monkeypatch: pytest.MonkeyPatch) -> None:
    """No policy pack."""
    monkeypatch.setattr("prod_infra.deployment.account.aws_target.PACK", None)


@pytest.mark.pulumi_cli
@without_cli
@pytest.mark.usefixtures("without_pack")
def test_the_approved_plan_is_carried_out_by_a_later_run(target: AwsTarget, clients: Clients) -> None:
    """A plan kept under its approval's digest is found again, has the same SHA-256, and is what `up` does."""
    deployed = program(CONFIG)
    first = target.preview(deployed)
    kept = target.keep(deployed, first, "a" * 64)
    assert kept.path.stat().st_mode & 0o077 == 0
    again = target.preview(deployed, approved="a" * 64)
    assert (again.path, again.sha256) == (kept.path, first.sha256)
    assert [(one.urn, one.kind) for one in again.result.changes] == [
        (one.urn, one.kind) for one in first.result.changes
    ]
    done = target.up(deployed, again)
    assert done.counts[ChangeKind.CREATE.value]
    assert [one["Name"] for one in clients("s3").list_buckets()["Buckets"]] == ["prod-first"]


@pytest.mark.pulumi_cli
@without_cli
@pytest.mark.usefixtures("without_pack")
def test_a_new_stack_gets_the_secrets_provider_of_its_file(
    target: AwsTarget, clients: Clients, chain: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`secretsprovider` with the bootstrap's key is enough: nobody is asked for a passphrase, not even at first."""
    chain.delenv("PULUMI_CONFIG_PASSPHRASE")
    key = clients("kms").create_key()["KeyMetadata"]["KeyId"]
    clients("kms").create_alias(AliasName="alias/pulumi-state-prod", TargetKeyId=key)
    kms = "awskms:///alias/pulumi-state-prod?region=eu-central-1"
    (tmp_path / "Pulumi.yaml").write_text("name: one-bucket\nruntime: python\n")
    (tmp_path / "Pulumi.prod.yaml").write_text(f"secretsprovider: {kms}\n")
    deployed = replace(program(CONFIG), directory=tmp_path)
    target.up(deployed, target.preview(deployed))
    assert target.engine(deployed).export()["deployment"]["secrets_providers"]["type"] == "cloud"


@pytest.mark.pulumi_cli
@without_cli
@pytest.mark.usefixtures("without_pack")
def test_only_preview_and_up_make_a_stack(target: AwsTarget, tmp_path: Path) -> None:
    """A stack that is not there is said to be missing by whatever only looks, and still is not there afterwards."""
    engine = target.engine(program(CONFIG))
    for look in (engine.inspect, engine.outputs, engine.refresh, engine.destroy):
        with pytest.raises(StateError, match="no stack prod"):
            look()
    assert not list((tmp_path / "state").rglob("prod.json"))


@pytest.mark.pulumi_cli
@without_cli
@pytest.mark.usefixtures("without_pack")
def test_what_is_not_in_the_approved_plan_is_not_done(target: AwsTarget, clients: Clients) -> None:
    """The program changed after the approval: `up` is refused by the plan, and nothing is made."""
    plan = target.preview(program(CONFIG))
    with pytest.raises(DeploymentError, match="no longer what was approved"):
        target.up(program(CONFIG, bucket="prod-second"), plan)
    assert clients("s3").list_buckets()["Buckets"] == []


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo v3.100.0", r"does not fit: .*3\.230\.0.*3\.100\.0"),
        ("exit 3", "does not run: .*exit status 3"),
        (None, "not on PATH. Nothing has happened"),
    ],
)
@pytest.mark.usefixtures("account")
def test_a_cli_that_does_not_fit_is_refused(
    chain: pytest.MonkeyPatch, tmp_path: Path, script: str | None, said: str
) -> None:
    """Too old, broken, or none: said before anything runs, with a way out that does not need what is not there."""
    target = AwsTarget.open(program(CONFIG), tmp_path)
    chain.setenv("HOME", str(tmp_path))
    chain.setenv("PATH", str(tmp_path))
    if script:
        (tmp_path / "pulumi").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "pulumi").chmod(0o755)
    with pytest.raises(TargetError, match=said) as caught:
        target.engine(program(CONFIG))
    assert "install it from pulumi.com/docs/install" in caught.value.hint


@pytest.mark.pulumi_cli
@without_cli
@pytest.mark.usefixtures("without_pack")
def test_a_plugin_that_cannot_be_had_is_said(target: AwsTarget, chain: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The CLI's own words about the plugin are told, not what became of the program when the engine went away."""
    chain.delenv("PULUMI_DEBUG_PROVIDERS")
    chain.setenv("PULUMI_HOME", str(tmp_path / "home"))
    chain.setenv("PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION", "true")
    with pytest.raises(DeploymentError, match="resource plugin 'pulumi-resource-aws'") as caught:
        target.preview(program(CONFIG))
    assert "pulumi plugin install" in caught.value.hint


@pytest.mark.pulumi_cli
@without_cli
@pytest.mark.usefixtures("account", "without_pack")
def test_a_backend_that_cannot_be_reached_is_said(chain: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A state folder that is not there: what the CLI says of it, and where to look."""
    chain.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path / 'nowhere'}")
    chain.setenv("PULUMI_CONFIG_PASSPHRASE", "made-up")
    target = AwsTarget.open(program(CONFIG), tmp_path)
    with pytest.raises(StateError, match=r"can't be opened: error: .*nowhere") as caught:
        target.preview(program(CONFIG))
    assert "check the backend's URL" in caught.value.hint
