"""The gate's verdict is the pack's own; a pack that gives none is an error, never a pass."""

from __future__ import annotations

import io
import time
from dataclasses import replace
from pathlib import Path

import pytest
from pulumi.provider.experimental.property_value import PropertyValue
from rich.console import Console

from prod_infra.deployment.policy.config import unique_json
from prod_infra.deployment.policy.gate import check
from prod_infra.deployment.policy.process import PolicyProcess
from prod_infra.deployment.policy.report import render
from prod_infra.deployment.policy.requests import analyze_request
from prod_infra.deployment.program.registration import Registration
from prod_infra.errors import InvalidInputError, PolicyError
from prod_infra.properties import typed

PLANTED = "hunter2-planted-secret"


def repository(**inputs: object) -> Registration:
    """Return an ECR repository as a program registers it; right but for `inputs`."""
    good = {
        "imageScanningConfiguration": {"scanOnPush": True},
        "imageTagMutability": "IMMUTABLE",
        "encryptionConfigurations": [{"encryptionType": "KMS"}],
    }
    return Registration(
        urn="urn:pulumi:prod::prod-infra::aws:ecr/repository:Repository::app",
        type="aws:ecr/repository:Repository",
        name="app",
        custom=True,
        inputs=typed({**good, **inputs}),
        source="compute/ecr.py:12",
    )


LIFECYCLE = replace(
    repository(),
    urn="urn:pulumi:prod::prod-infra::aws:ecr/lifecyclePolicy:LifecyclePolicy::app",
    type="aws:ecr/lifecyclePolicy:LifecyclePolicy",
    inputs={},
    property_dependencies={"repository": (repository().urn,)},
)


def a_pack(folder: Path, program: str) -> Path:
    """Return a pack whose `__main__.py` is `program`."""
    (folder / "PulumiPolicy.yaml").write_text("runtime: python\nversion: 1.0.0\n", encoding="utf-8")
    (folder / "__main__.py").write_text(program, encoding="utf-8")
    return folder


def test_a_safe_resource_passes_with_counts() -> None:
    """Green means that rules ran: four look at a repository, one at what belongs to it, and one at that."""
    verdict = check([LIFECYCLE, repository()])
    assert verdict.passed
    assert (verdict.resources, verdict.evaluated) == (2, 6)
    assert verdict.rules > 60


def test_a_finding_says_rule_resource_reason_fix_and_line() -> None:
    """What an operator needs is in one row."""
    [finding] = check([LIFECYCLE, repository(forceDelete=True)]).violations
    assert finding.rule == "ecr-no-force-delete"
    assert finding.urn.endswith("::app")
    assert finding.message == "forceDelete is true; it must be false"
    assert finding.fix == "Keep Settings.force_delete=False."
    assert finding.source == "compute/ecr.py:12"
    assert (finding.severity, finding.level) == ("high", "mandatory")


def test_findings_keep_the_order_of_the_resources() -> None:
    """Several resources are asked about at once, and a report must not change from run to run."""
    wrong = [
        replace(repository(imageTagMutability="MUTABLE"), urn=f"{repository().urn}-{number}") for number in range(50)
    ]
    found = [finding.urn for finding in check(wrong).findings if finding.rule == "ecr-immutable-tags"]
    assert found == [resource.urn for resource in wrong]


def test_an_unknown_blocks_and_is_counted() -> None:
    """Strict is the default."""
    verdict = check([LIFECYCLE, unknown_tags()])
    assert not verdict.passed
    assert [finding.rule for finding in verdict.undecided] == ["ecr-immutable-tags"]


def unknown_tags() -> Registration:
    """Return a repository whose tag mutability AWS has yet to decide."""
    found = repository()
    return Registration(
        urn=found.urn,
        type=found.type,
        name=found.name,
        custom=True,
        inputs={**found.inputs, "imageTagMutability": PropertyValue.computed()},
    )


def test_without_strict_an_unknown_is_an_advisory() -> None:
    """It stays visible, and does not block."""
    verdict = check([LIFECYCLE, unknown_tags()], config={"ecr-immutable-tags": {"strict": False}})
    assert verdict.passed
    assert [finding.level for finding in verdict.undecided] == ["advisory"]


def test_disabling_a_rule_is_seen() -> None:
    """Nothing is turned off in silence."""
    verdict = check([LIFECYCLE, repository(forceDelete=True)], config={"ecr-no-force-delete": "disabled"})
    assert verdict.passed
    assert verdict.disabled == ("ecr-no-force-delete",)
    text = io.StringIO()
    render(verdict, Console(file=text, width=200))
    assert "disabled by configuration: ecr-no-force-delete" in text.getvalue()


def test_a_bad_configuration_is_refused_with_every_fault() -> None:
    """Misspelt rules and properties, wrong types and levels are named at once, with the nearest name."""
    with pytest.raises(InvalidInputError) as caught:
        check(
            [LIFECYCLE, repository()],
            config={
                "ecr-no-force-delet": "disabled",
                "ecr-scan-on-push": {"strikt": True},
                "ecr-immutable-tags": {"strict": "no"},
                "docdb-tls": "off",
            },
        )
    text = " ".join(caught.value.faults)
    assert len(caught.value.faults) == 4
    assert "did you mean ecr-no-force-delete?" in text
    assert "did you mean strict?" in text
    assert "must be a boolean" in text
    assert "enforcement level must be" in text


def test_a_threshold_under_the_floor_is_refused() -> None:
    """A configuration makes rules stricter, never laxer."""
    with pytest.raises(InvalidInputError, match="under the floor: it must be at least 14"):
        check([LIFECYCLE, repository()], config={"docdb-backup-retention": {"minimumDays": 7}})
    with pytest.raises(InvalidInputError, match="over the ceiling: it must be at most 8"):
        check([LIFECYCLE, repository()], config={"autoscaling-max-tasks": {"maximumTasks": 9}})


def test_a_key_that_occurs_twice_is_refused() -> None:
    """In JSON the second would win in silence."""
    with pytest.raises(InvalidInputError, match="docdb-tls occurs twice"):
        unique_json('{"docdb-tls": "mandatory", "docdb-tls": "disabled"}', "config.json")


def test_disabling_everything_is_refused() -> None:
    """A gate without rules would always be green."""
    with pytest.raises(InvalidInputError, match="turns the gate off"):
        check([LIFECYCLE, repository()], config={"all": "disabled"})


@pytest.mark.parametrize("resources", [[], [Registration(urn="u", type="aws:x/y:Z", name="z", custom=True)]])
def test_judging_nothing_is_an_error(resources: list[Registration]) -> None:
    """Nothing judged is not a pass."""
    with pytest.raises(PolicyError, match="judged nothing"):
        check(resources)


def test_a_folder_without_a_pack_is_an_error(tmp_path: Path) -> None:
    """The way out is in the message."""
    with pytest.raises(PolicyError, match=r"no PulumiPolicy\.yaml"):
        check([LIFECYCLE, repository()], pack=tmp_path)


def test_a_pack_that_does_not_start_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    """The pack's own traceback says why."""
    with pytest.raises(PolicyError, match=r"(?s)did not start.*the words of the pack"):
        check([LIFECYCLE, repository()], pack=a_pack(tmp_path, "raise RuntimeError('the words of the pack')\n"))


def test_a_pack_that_prints_no_port_is_given_up(tmp_path: Path) -> None:
    """The wait is bounded."""
    with pytest.raises(PolicyError, match="did not start in time"):
        check([LIFECYCLE, repository()], pack=a_pack(tmp_path, "import time\ntime.sleep(60)\n"), timeout=1)


SERVES = """
import os, time
from pulumi_policy import PolicyPack, ResourceValidationPolicy

def validate(args, report):
    {body}

PolicyPack("p", [ResourceValidationPolicy("one", "One holds", validate, severity=None)])
"""


def test_a_pack_that_hangs_is_given_up(tmp_path: Path) -> None:
    """The wait for an answer is bounded too."""
    pack = a_pack(tmp_path, SERVES.format(body="time.sleep(60)"))
    with PolicyProcess(pack, deadline=time.monotonic() + 60) as process:
        process.info()
        process._deadline = time.monotonic() + 1
        with pytest.raises(PolicyError, match="did not answer in time"):
            process.analyze(analyze_request(repository(), {}))


@pytest.mark.parametrize("body", ["os._exit(3)", "raise RuntimeError('no guard here')"])
def test_a_pack_that_crashes_is_an_error(tmp_path: Path, body: str) -> None:
    """Another pack's rule without a guard takes the whole answer with it."""
    with pytest.raises(PolicyError, match="crashed"):
        check([LIFECYCLE, repository()], pack=a_pack(tmp_path, SERVES.format(body=body)))


def test_a_secret_that_a_pack_repeats_is_masked(tmp_path: Path) -> None:
    """Even a careless pack doesn't get a secret into a finding."""
    found = repository()
    secret = Registration(
        urn=found.urn,
        type=found.type,
        name=found.name,
        custom=True,
        inputs={"name": PropertyValue(PLANTED).with_secret(is_secret=True)},
    )
    pack = a_pack(tmp_path, SERVES.format(body="report('it is ' + args.props['name'])"))
    [finding] = check([secret], pack=pack).findings
    assert finding.message == "it is [secret]"
    assert finding.level == "advisory"


def test_the_table_shows_what_blocks() -> None:
    """Rule, resource, reason, fix and line are printed, and the line of counts says blocked."""
    text = io.StringIO()
    render(check([LIFECYCLE, repository(forceDelete=True)]), Console(file=text, width=200))
    shown = text.getvalue()
    for words in ("ecr-no-force-delete", "app", "forceDelete is true", "force_delete=False", "ecr.py:12", "blocked"):
        assert words in shown


def test_a_resource_that_no_rule_judges_is_named() -> None:
    """Green does not mean that a database of another kind is safe; what prod_infra's components make is known."""
    token = "aws:rds/instance:Instance"
    own = replace(repository(), urn=f"urn:pulumi:prod::shop::{token}::orders", type=token)
    made = replace(own, urn=f"urn:pulumi:prod::shop::prod_infra:data:Some${token}::orders")
    verdict = check([LIFECYCLE, repository(), own, made])
    assert verdict.passed
    assert verdict.unjudged == (own.urn,)
    shown = io.StringIO()
    render(verdict, Console(file=shown, width=200))
    assert f"no rule judges: {token}::orders" in shown.getvalue()
