"""The examples are programs of users: the gate judges each as its README says, and each is deployed to a local AWS."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prod_infra.deployment.engine import Program
from prod_infra.deployment.policy.config import refuse_in_production
from prod_infra.deployment.policy.gate import check
from prod_infra.deployment.policy.guard import PolicyGuard
from prod_infra.deployment.program.evaluate import register
from prod_infra.deployment.project import load
from prod_infra.deployment.targets import LocalTarget
from prod_infra.errors import InvalidInputError
from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.server import LocalAws
from tests.recording import production

EXAMPLES = Path(__file__).parent.parent / "examples"
STACKS = {"own_program": "prod", "single_components": "prod", "dev_environment": "dev"}
DEV = json.loads((EXAMPLES / "dev_environment" / "policy.json").read_text(encoding="utf-8"))
# Their inputs are known only in `up`, so a preview leaves them deferred.
DECIDED_IN_UP = {"iam-secrets-from-prod"}


def program(name: str) -> Program:
    """Return an example as the command line finds it."""
    return load(EXAMPLES / name, STACKS[name])


def test_every_example_is_tested() -> None:
    """A new example is judged and deployed here, too."""
    assert {file.parent.name for file in EXAMPLES.glob("*/Pulumi.yaml")} == STACKS.keys()


@pytest.mark.parametrize("name", STACKS)
def test_readme_is_short_and_its_links_lead_somewhere(name: str) -> None:
    """An example is explained in twenty lines, each relative link of which leads somewhere."""
    text = (EXAMPLES / name / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 20
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert (EXAMPLES / name / link).exists(), link


@pytest.mark.parametrize("name", ["own_program", "single_components"])
def test_gate_passes_what_is_for_production(name: str) -> None:
    """With the pack as it comes, nothing blocks and nothing advises."""
    verdict = check(register(program(name)))
    assert verdict.findings == ()
    assert verdict.lowered == ()


def test_gate_advises_on_what_development_saves() -> None:
    """Development passes with advice, from exactly the rules that its configuration names."""
    found = register(program("dev_environment"))
    assert not check(found).passed
    verdict = check(found, config=DEV)
    assert verdict.passed
    assert {finding.rule for finding in verdict.findings} == DEV.keys() - DECIDED_IN_UP
    assert {finding.level for finding in verdict.findings} == {"advisory"}


def test_gate_still_blocks_in_development(tmp_path: Path) -> None:
    """What the configuration does not name is as mandatory in development as anywhere."""
    for file in (EXAMPLES / "dev_environment").iterdir():
        if file.is_file():
            (tmp_path / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    main = tmp_path / "__main__.py"
    main.write_text(main.read_text(encoding="utf-8").replace("single_nat", "enable_http=True,\n    single_nat"))
    verdict = check(register(load(tmp_path, "dev")), config=DEV)
    assert not verdict.passed


@pytest.mark.parametrize(
    "config", [DEV, {"all": "advisory"}, {"docdb-tls": "disabled"}, {"docdb-tls": {"strict": False}}]
)
def test_production_can_not_be_advised(config: dict[str, Any]) -> None:
    """No configuration lowers a rule where stack or tags are production's, or nobody has said that they are not."""
    with pytest.raises(InvalidInputError, match="in prod, taken for production") as caught:
        refuse_in_production(config, production().all)
    assert "waiver" in caught.value.hint


def test_development_stack_does_not_excuse_production_tags() -> None:
    """An environment tagged as production's is production's, whatever the stack is called."""
    renamed = [
        replace(found, urn=found.urn.replace("urn:pulumi:test::", "urn:pulumi:dev::")) for found in production().all
    ]
    with pytest.raises(InvalidInputError, match="in prod, taken for production"):
        refuse_in_production(DEV, renamed)


def test_production_may_be_made_stricter() -> None:
    """A configuration that lowers nothing is no business of this check."""
    refuse_in_production({"docdb-backup-retention": {"minimumDays": 30}, "all": "mandatory"}, production().all)


@pytest.mark.parametrize(("name", "environment"), [("own_program", "shop"), ("single_components", "api")])
def test_example_is_deployed(
    name: str, environment: str, local_aws: LocalAws, clients: Clients, tmp_path: Path
) -> None:
    """`up` with the pack's guard makes everything; a second look finds nothing to do; AWS runs the service."""
    with PolicyGuard() as guard:
        engine = LocalTarget(local_aws, tmp_path).engine(program(name), guard.objections)
        assert engine.up().counts.keys() == {"create"}
        assert not engine.preview().has_changes
    assert _desired_tasks(clients, environment) == 2


def test_development_comes_and_goes(local_aws: LocalAws, clients: Clients, tmp_path: Path) -> None:
    """`prod-infra up --config` deploys it with the pack advising, and one `destroy` takes it all down."""
    done = run("up", "--stack", "dev", "--endpoint", local_aws.endpoint, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert _desired_tasks(clients, "dev") == 1
    engine = LocalTarget(local_aws, tmp_path).engine(program("dev_environment"))
    assert not engine.preview().has_changes
    assert engine.destroy().counts.keys() == {"delete"}


@pytest.mark.parametrize("command", [("policy",), ("up",)])
def test_development_rules_are_refused_for_production(command: tuple[str, ...], tmp_path: Path) -> None:
    """The command line takes the file for no stack of production's, and does nothing."""
    done = run(*command, "--stack", "prod", folder=tmp_path)
    assert done.returncode == 1
    assert "in prod, taken for production" in done.stderr


def run(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `prod-infra` in a folder on the development example, with the configuration of its README."""
    command = Path(sys.executable).with_name("prod-infra")
    development = EXAMPLES / "dev_environment"
    options = ["--project", str(development), "--config", str(development / "policy.json")]
    return subprocess.run(
        [command, *words, *options], cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )


def _desired_tasks(clients: Clients, environment: str) -> int:
    """Return how many tasks AWS runs of an environment's service."""
    found = clients("ecs").describe_services(cluster=f"{environment}-cluster", services=[f"{environment}-app"])
    wanted: int = found["services"][0]["desiredCount"]
    return wanted
