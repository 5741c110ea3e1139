"""Runbook deploy_prod on target aws: dry unless told, nothing but the approved plan, and clear refusals."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from prod_infra.deployment.clients import AwsClients
from prod_infra.errors import ApprovalError, InvalidInputError
from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.server import LocalAws
from runbooks import deploy_prod
from runbooks.deploy_prod import DeployProd
from runbooks.parameters import DeployProdParameters, DocdbFailoverParameters
from runbooks.records.keeping import finish
from runbooks.records.record import Record
from runbooks.records.record_parts import Plan
from runbooks.running.evidence import keep_evidence
from tests.accounts import enter, project, without_cli

BUCKET = """
import pulumi
import pulumi_aws

pulumi_aws.s3.Bucket("data", bucket="prod-first", force_destroy=True)
pulumi.export("answer", 42)
"""

Start = Callable[..., DeployProd]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, local_aws: LocalAws, clients: Clients, tmp_path: Path) -> Start:
    """Start a run on the account, in a project of one bucket, the embedded engine in the place of the CLI."""
    del clients
    enter(monkeypatch, local_aws, tmp_path)
    without_cli(monkeypatch, local_aws, tmp_path)
    monkeypatch.chdir(project(tmp_path, BUCKET))

    def start(**parameters: Any) -> DeployProd:
        return deploy_prod.start(**{"target": "aws", **parameters})

    return start


def plan_of(run: DeployProd) -> Plan:
    """Plan, and return what was planned."""
    run.plan()
    assert run._plan is not None
    return run._plan


def kept(digest: str) -> Path:
    """Where the plan of a digest is."""
    return Path(".prod-infra/pulumi/prod") / f"plan-{digest}.json"


def buckets(clients: AwsClients) -> list[str]:
    """Names of all buckets."""
    return [one["Name"] for one in clients("s3").list_buckets()["Buckets"]]


def test_a_real_account_is_only_looked_at_unless_told() -> None:
    """`dry_run` left out is true on aws and false on local, for every runbook; what is given counts."""
    for model in (DeployProdParameters, DocdbFailoverParameters):
        assert model.check("x", {"target": "aws"}).dry_run is True
        assert model.check("x", {}).dry_run is False
        assert model.check("x", {"target": "aws", "dry_run": "false"}).dry_run is False
        assert model.check("x", {"dry_run": None, "target": "aws"}).dry_run is True


def test_an_address_for_a_real_account_is_refused() -> None:
    """An endpoint is a local AWS's: together with target aws one of the two is a mistake."""
    with pytest.raises(InvalidInputError, match=r"endpoint: .*target local"):
        DeployProdParameters.check("deploy_prod", {"target": "aws", "endpoint": "http://127.0.0.1:1"})


def test_what_may_be_lost_is_named_by_its_urn() -> None:
    """There is no "all"; text has several URNs, separated by blanks."""
    with pytest.raises(InvalidInputError, match=r"allow_replacement_of: .*'all' is none"):
        DeployProdParameters.check("deploy_prod", {"allow_replacement_of": "all"})
    given = DeployProdParameters.check("deploy_prod", {"allow_replacement_of": "urn:pulumi:a urn:pulumi:b"})
    assert isinstance(given, DeployProdParameters)
    assert given.allow_replacement_of == ["urn:pulumi:a", "urn:pulumi:b"]


def test_a_dry_run_keeps_the_plan_and_changes_nothing(start: Start, clients: Clients) -> None:
    """The plan file is kept under the digest, for its owner's eyes; the digest covers the file; nothing is made."""
    run = start()
    plan = plan_of(run)
    run.act()
    run.verify()
    run.result()
    assert kept(plan.digest).stat().st_mode & 0o077 == 0
    assert plan.approved_by == ""
    assert plan.steps[0].calls[0].operation == "up"
    assert len(plan.steps[0].calls[0].parameters["plan"]) == 64
    assert buckets(clients) == []


def test_a_later_run_is_asked_about_the_same_plan(start: Start) -> None:
    """The digest of a dry run approves it in another run, which does not plan anew, dry or not."""
    first = plan_of(start())
    assert plan_of(start(approve=first.digest)).digest == first.digest
    second = plan_of(start(approve=first.digest, dry_run=False))
    assert second.digest == first.digest
    assert second.approved_by.endswith("by digest")


def test_another_digest_is_no_approval(start: Start) -> None:
    """The error names both digests, and how to approve and act; the new plan is kept under its own."""
    with pytest.raises(ApprovalError, match=r"0{64} was approved") as caught:
        start(approve="0" * 64, dry_run=False).plan()
    digest = caught.value.hint.split("--approve ")[1][:64]
    assert "--act" in caught.value.hint
    assert plan_of(start(approve=digest, dry_run=False)).approved_by


def test_nobody_to_ask_is_no_approval(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a digest and without a person the plan stays a plan."""
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(ApprovalError, match="nobody can be asked"):
        start(dry_run=False).plan()


WORDS = {
    "{digest} {account}": True,
    "{account}": False,
    "{digest}": False,
    "{digest} 999999999999": False,
    "yes": False,
}


@pytest.mark.parametrize(("given", "approves"), WORDS.items())
def test_a_person_types_digest_and_account(
    start: Start, monkeypatch: pytest.MonkeyPatch, given: str, *, approves: bool
) -> None:
    """The beginning of the digest and the account's id approve the plan; half of it, or another account, refuses it."""
    run = start(dry_run=False)

    def answer(_: str) -> str:
        assert run._plan is not None
        return given.format(digest=run._plan.digest[:8], account=run.aws.account)

    monkeypatch.setattr("builtins.input", answer)
    if approves:
        assert plan_of(run).approved_by
    else:
        with pytest.raises(ApprovalError, match="refused"):
            run.plan()


def test_a_plan_that_was_changed_is_shown_anew(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    """The kept file was changed before the approving run: that says so, keeps a fresh plan and does nothing."""
    digest = plan_of(start()).digest
    kept(digest).write_text("changed")
    run = start(approve=digest, dry_run=False)
    with pytest.raises(ApprovalError, match=f"{digest} was approved"):
        run.plan()
    assert "was changed since, or is stale" in capsys.readouterr().out
    assert run._plan is not None
    assert kept(run._plan.digest).read_text() != "changed"


def test_a_plan_that_is_changed_after_its_approval_is_not_carried_out(start: Start, clients: Clients) -> None:
    """Between approval and deed: refused, nothing is made."""
    digest = plan_of(start()).digest
    run = start(approve=digest, dry_run=False)
    run.plan()
    kept(digest).write_text("changed")
    with pytest.raises(ApprovalError, match="not what was approved"):
        run.act()
    assert buckets(clients) == []


def test_a_program_that_changed_after_its_approval_needs_another(start: Start) -> None:
    """The kept plan is stale: what would be done now is not what was approved."""
    digest = plan_of(start()).digest
    Path("__main__.py").write_text(BUCKET + 'pulumi_aws.s3.Bucket("more", force_destroy=True)\n')
    with pytest.raises(ApprovalError, match=f"{digest} was approved"):
        start(approve=digest, dry_run=False).plan()


def test_data_is_not_lost_unless_named(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    """A bucket that would be replaced is refused with the flag that allows it, also in a dry run; named, it passes."""
    run = start()
    run.plan()
    run.deployment.up(lambda _: None)
    Path("__main__.py").write_text(BUCKET.replace("prod-first", "prod-second"))
    with pytest.raises(ApprovalError, match="lose data") as caught:
        start().plan()
    assert "(not allowed)" in capsys.readouterr().out
    urn = caught.value.hint.split("--allow-replacement-of ")[1]
    assert urn.endswith("::data")
    start(allow_replacement_of=[urn]).plan()
    assert "(allowed)" in capsys.readouterr().out


def test_an_account_that_is_not_ready_is_told_everything_at_once(start: Start, tmp_path: Path) -> None:
    """No zone and no image: both in one error, before anything is approved."""
    project(tmp_path, BUCKET, {"prod-infra:domain_name": "example.org", "prod-infra:app_image": None})
    with pytest.raises(InvalidInputError) as caught:
        start().plan()
    assert [fault.partition(":")[0] for fault in caught.value.faults] == ["hosted zone", "image"]


def test_evidence_that_cannot_be_kept_is_said(start: Start, clients: Clients) -> None:
    """Without a bucket the record stays whole where it is, and the message says how to try again."""
    run = start()
    Record(id=run.id, runbook=run.name, started=datetime.now(UTC)).write(run.folder / "record.json")
    finish(run.folder)
    shown = io.StringIO()
    assert not keep_evidence(run.folder, clients, run.environment.settings, Console(file=shown, width=200))
    assert "no bucket for evidence" in shown.getvalue()
    assert f"records archive {run.id}" in shown.getvalue()
    assert (run.folder / "manifest.json").exists()
