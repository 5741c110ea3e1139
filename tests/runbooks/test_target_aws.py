"""Runs on target aws as users start them: refused with words and exit code, deployed, undone, kept as evidence."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient
from rich.console import Console

from prod_infra.bootstrap import boundary
from prod_infra.bootstrap.deploy_role import DeployRole
from prod_infra.bootstrap.piece import Wanted
from prod_infra.bootstrap.run import carry_out, look
from prod_infra.deployment.automation.attached_providers import AttachedProviders
from prod_infra.local_aws import ACCOUNT_ID
from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.server import LocalAws
from prod_infra.settings import Settings
from runbooks import deploy_prod, docdb_failover
from runbooks.records.keeping import finish
from runbooks.records.record import Record, Verdict
from runbooks.running.evidence import keep_evidence
from runbooks.verify import Deployed
from tests.accounts import IMAGE, ROOT, empty_chain, enter, project, without_cli

COMMAND = "import sys; from prod_infra.cli import main; main(['runbook', *sys.argv[1:]])"
DEPLOY = ("run", "deploy_prod", "--target", "aws", "--stack", "prod")

NO_CLI = "the Pulumi CLI is not on PATH; no registry has it"


@dataclass
class Place:
    """A project, and the account that a local AWS plays."""

    directory: Path
    clients: Clients

    def run(self, *arguments: str, command: tuple[str, ...] = ("-c", COMMAND)) -> tuple[int, str]:
        """Run a command to its end; return its exit code and what it said."""
        done = subprocess.run(
            [sys.executable, *command, *arguments],
            cwd=self.directory,
            env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        return done.returncode, done.stdout

    @property
    def folders(self) -> list[Path]:
        """Folders of the runs, the oldest first."""
        records = self.directory / "records"
        return sorted(path for path in records.iterdir() if path.is_dir()) if records.exists() else []

    @property
    def record(self) -> Record:
        """The newest run's."""
        return Record.model_validate_json((self.folders[-1] / "record.json").read_text())

    @property
    def buckets(self) -> list[str]:
        """Names of all buckets."""
        return [one["Name"] for one in self.clients("s3").list_buckets()["Buckets"]]


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, local_aws: LocalAws, clients: Clients, tmp_path: Path) -> Place:
    """The environment's project on an empty account."""
    enter(monkeypatch, local_aws, tmp_path)
    return Place(project(tmp_path / "project"), clients)


def _none(patch: pytest.MonkeyPatch, place: Place) -> None:
    empty_chain(patch, place.directory)


def _another_account(patch: pytest.MonkeyPatch, place: Place) -> None:
    del patch
    project(place.directory, config={"aws:allowedAccountIds": ["999999999999"]})


def _another_region(patch: pytest.MonkeyPatch, place: Place) -> None:
    del place
    patch.setenv("AWS_DEFAULT_REGION", "us-west-2")


def _no_account(patch: pytest.MonkeyPatch, place: Place) -> None:
    del patch
    project(place.directory, config={"aws:allowedAccountIds": None})


REFUSALS = [
    (_none, "There are no AWS credentials"),
    (_another_account, "the stack is for 999999999999"),
    (_another_region, "The session is for region us-west-2"),
    (_no_account, "aws:allowedAccountIds"),
]


@pytest.mark.parametrize("runbook", ["deploy_prod", "docdb_failover"])
@pytest.mark.parametrize(("spoil", "said"), REFUSALS, ids=[refusal.__name__ for refusal, _ in REFUSALS])
def test_where_nobody_may_act_nothing_happens(
    monkeypatch: pytest.MonkeyPatch,
    place: Place,
    spoil: Callable[[pytest.MonkeyPatch, Place], None],
    said: str,
    runbook: str,
) -> None:
    """No credentials, another account or region than the stack's, or a stack that names none: words, exit code 1."""
    spoil(monkeypatch, place)
    code, shown = place.run("run", runbook, "--target", "aws", "--act")
    assert code == 1
    assert said in shown
    assert "Nothing has happened" in shown
    assert "next: " in shown
    assert place.folders == []
    assert place.buckets == []


def test_expired_credentials_end_the_run(place: Place, local_aws: LocalAws) -> None:
    """AWS's word for it becomes a sentence, and exit code 1."""
    with local_aws.fault("error", service="sts", code="ExpiredToken", status=403):
        code, shown = place.run(*DEPLOY)
    assert code == 1
    assert "have expired" in shown
    assert place.folders == []


def test_a_missing_cli_is_said(monkeypatch: pytest.MonkeyPatch, place: Place) -> None:
    """Credentials are there, the CLI is not: the run fails with the way to get it, and the account is untouched."""
    monkeypatch.setenv("PATH", str(place.directory))
    monkeypatch.setenv("HOME", str(place.directory))
    code, shown = place.run(*DEPLOY)
    assert code == 1
    assert "The Pulumi CLI is not on PATH" in shown
    assert place.record.verdict is Verdict.FAILED
    assert place.buckets == []


DRILL = ("-m", "tests.runbooks.drill.tag_drill")


def test_a_drill_runs_and_is_undone_on_a_real_account(place: Place) -> None:
    """Dry unless told; approved by digest; its undo by hand finds the account again, and no other one."""
    clients = place.clients
    clients("s3").create_bucket(Bucket="evidence", CreateBucketConfiguration={"LocationConstraint": clients.region})
    queue = clients("sqs").create_queue(QueueName="drill")["QueueUrl"]

    def tags() -> list[str]:
        return sorted(clients("sqs").list_queue_tags(QueueUrl=queue).get("Tags", {}))

    asked = ("run", "tag_drill", "--target", "aws", "-p", f"queue={queue}")
    assert place.run(*asked, command=DRILL)[0] == 0
    assert tags() == []
    assert place.record.plan is not None
    digest = place.record.plan.digest
    code, shown = place.run(*asked, "--act", command=DRILL)
    assert (code, "nobody can be asked" in shown) == (1, True)
    code, shown = place.run(*asked, "--act", "--approve", digest, command=DRILL)
    assert code == 0, shown
    assert tags() == ["first", "second"]
    # The drill's bucket is no environment's: the record can't be kept in it, which fails no run.
    assert "not in the evidence bucket" in shown
    run = place.folders[-1].name
    journal = place.folders[-1] / "journal.jsonl"
    ours = journal.read_text()
    journal.write_text(ours.replace('"account_id": "123456789012"', '"account_id": "999999999999"'))
    code, shown = place.run("undo", run, command=DRILL)
    assert (code, "the stack is for 999999999999" in shown) == (1, True)
    assert tags() == ["first", "second"]
    journal.write_text(ours)
    assert place.run("undo", run, command=DRILL)[0] == 0
    assert tags() == []


ASKED: set[str] = set()
"""What the runbook asked of AWS, as IAM names actions; not what the engine did, which stands for Pulumi's provider."""

ACTION = {
    "monitoring": "cloudwatch",
    "ListBuckets": "ListAllMyBuckets",
    "ListObjectsV2": "ListBucket",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
}
"""Where IAM's word is another than the API's."""


def wanted_of(server: LocalAws) -> Wanted:
    """What a team asks the bootstrap for."""
    clients = Clients(server.endpoint, "eu-central-1")
    return Wanted(
        clients=clients,
        account=ACCOUNT_ID,
        region="eu-central-1",
        environment="prod",
        repository="acme/shop",
        github_environment="production",
    )


def noting(call: Callable[..., Any]) -> Callable[..., Any]:
    """Note each call that boto3 makes with the chain's credentials."""

    def make(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if client._request_signer._credentials.method == "env":
            service = client.meta.service_model.signing_name
            ASKED.add(f"{ACTION.get(service, service)}:{ACTION.get(operation, operation)}")
        return call(client, operation, parameters)

    return make


def allowed(document: dict[str, Any]) -> list[str]:
    """Return every action that a policy allows."""
    found = [statement["Action"] for statement in document["Statement"]]
    return [action for actions in found for action in ([actions] if isinstance(actions, str) else actions)]


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """An account to which the environment was deployed by the runbook, the embedded engine in the place of the CLI."""
    folder = tmp_path_factory.mktemp("account")
    with LocalAws.start(hosted_zones=("example.com",)) as server, pytest.MonkeyPatch.context() as patch:
        enter(patch, server, folder)
        without_cli(patch, server, folder)
        patch.chdir(project(folder / "project", config={"prod-infra:permissions_boundary": "pulumi-boundary-prod"}))
        carry_out(look(wanted_of(server)), lambda _: None)
        boto_client: Any = BaseClient
        patch.setattr(boto_client, "_make_api_call", noting(boto_client._make_api_call))
        planned = deploy_prod.start(target="aws")
        planned.gate()
        planned.plan()
        assert planned._plan is not None
        run = deploy_prod.start(target="aws", dry_run=False, approve=planned._plan.digest)
        run.plan()
        run.act()
        run.verify()
        run.result()
        Record.model_validate({"id": run.id, "runbook": run.name, "started": "2026-01-01T00:00:00Z"}).write(
            run.folder / "record.json"
        )
        finish(run.folder)
        yield server


def test_the_record_is_kept_as_evidence_once(account: LocalAws, tmp_path: Path) -> None:
    """The sealed record is in the environment's own bucket under Object Lock; a second time it is refused."""
    del tmp_path
    settings = Settings(app_image=IMAGE)
    clients = Clients(account.endpoint, settings.region)
    folder = next(path for path in sorted(Path("records").resolve().iterdir()) if (path / "manifest.json").exists())
    shown = io.StringIO()
    assert keep_evidence(folder, clients, settings, Console(file=shown, width=200))
    bucket = Deployed(clients, settings).bucket("evidence")
    found = clients("s3").list_objects_v2(Bucket=bucket, Prefix=f"runs/{folder.name}/")["Contents"]
    assert {item["Key"].rpartition("/")[2] for item in found} >= {"record.json", "journal.jsonl", "manifest.json"}
    assert not keep_evidence(folder, clients, settings, Console(file=shown, width=200))
    assert "already" in shown.getvalue()


def test_the_deploy_role_may_all_that_the_runbook_asks(account: LocalAws) -> None:
    """Preconditions, lock, up's release, verification and evidence: nothing is found denied half way."""
    documents = DeployRole(wanted_of(account)).documents().values()
    patterns = [action for document in documents for action in allowed(document)]
    lacking = {one for one in ASKED if not any(fnmatchcase(one, pattern) for pattern in patterns)}
    assert len(ASKED) > 50
    assert lacking <= {"sts:GetCallerIdentity"}


def test_every_role_of_the_environment_is_bounded(account: LocalAws) -> None:
    """Each carries the boundary, and the boundary allows every action of its own policies."""
    iam = wanted_of(account).clients("iam")
    within = set(allowed(boundary.document(wanted_of(account))))
    roles = [one["RoleName"] for one in iam.list_roles()["Roles"] if one["RoleName"].startswith("prod-")]
    assert len(roles) == 4
    for name in roles:
        bound = iam.get_role(RoleName=name)["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
        assert bound.endswith(":policy/pulumi-boundary-prod")
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            assert set(allowed(iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"])) <= within


@pytest.mark.usefixtures("account")
def test_a_drill_plans_on_the_environment_that_is_there() -> None:
    """It finds the database by the account's own API, deploys nothing, and is dry unless told."""
    run = docdb_failover.start(target="aws", stack="prod")
    run.plan()
    run.act()
    assert run.target.name == "aws"
    assert run._plan is not None
    calls = [call for step in run._plan.steps for call in step.calls]
    assert "failover_db_cluster" in {call.operation for call in calls}


@pytest.fixture
def cli(place: Place, local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """The real CLI on the account: the local provider attached by the CLI's own variable, a state in a folder."""
    state = place.directory.parent / "state"
    state.mkdir()
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{state}")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "made-up")
    with AttachedProviders(local_aws.endpoint, "eu-central-1") as attached:
        for name, value in attached.environment.items():
            monkeypatch.setenv(name, value)
        yield place


@pytest.mark.pulumi_cli
@pytest.mark.skipif(not shutil.which("pulumi"), reason=NO_CLI)
def test_the_whole_story_by_the_real_cli(cli: Place) -> None:
    """Dry run, wrong digest, tampered plan, approval, deploy, verification, evidence; a loss of data refused."""
    project(cli.directory, config={"prod-infra:instance_count": "3"})
    code, shown = cli.run(*DEPLOY)
    assert code == 0, shown
    assert "monthly cost" in shown
    assert cli.buckets == []
    digest = json.loads((cli.folders[-1] / "record.json").read_text())["plan"]["digest"]
    plan = cli.directory / ".prod-infra/pulumi/prod" / f"plan-{digest}.json"
    assert "made-up" not in plan.read_text()

    code, shown = cli.run(*DEPLOY, "--act", "--approve", "0" * 64)
    assert (code, "was approved, and this plan's is" in shown) == (1, True)

    kept = plan.read_bytes()
    plan.write_bytes(kept + b" ")
    code, shown = cli.run(*DEPLOY, "--act", "--approve", digest)
    assert (code, "was changed since, or is stale" in shown) == (1, True)
    assert cli.buckets == []

    plan.write_bytes(kept)
    code, shown = cli.run(*DEPLOY, "--act", "--approve", digest)
    assert code == 0, shown
    assert cli.record.verdict is Verdict.SUCCEEDED
    assert cli.record.plan is not None
    assert cli.record.plan.digest == digest
    assert f"runs/{cli.folders[-1].name}/, " in shown
    before = cli.buckets

    # What is protected, Pulumi refuses by itself; an instance is not.
    project(cli.directory)
    code, shown = cli.run(*DEPLOY)
    assert (code, "The plan would lose data" in shown) == (1, True)
    assert "--allow-replacement-of urn:pulumi:prod::" in shown
    assert cli.buckets == before
