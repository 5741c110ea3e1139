"""The workflows are pinned, bounded, allowed as little as they need, and name only commands that exist."""

from __future__ import annotations

import inspect
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from prod_infra.bootstrap.deploy_role import DeployRole
from prod_infra.bootstrap_cli import bootstrap
from prod_infra.cli import app
from runbooks.catalog import RUNBOOKS

ROOT = Path(__file__).parent.parent
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FILES = [*WORKFLOWS, *sorted(GITHUB.glob("actions/*/action.yml"))]

PINNED = re.compile(r"(?P<action>[\w./-]+)@(?P<sha>[0-9a-f]{40}) # v\d+(\.\d+){2}")
WRITES = {
    ("policy", "gate", "security-events"),
    ("policy", "comment", "pull-requests"),
    ("deploy-prod", "plan", "id-token"),
    ("deploy-prod", "deploy", "id-token"),
    ("checks", "check", "id-token"),
    ("drills", "drill", "id-token"),
}
"""Every right to write: to code scanning, a comment, or a role of AWS."""


def ids(path: Path) -> str:
    """Name a file in a test's ID."""
    return str(path.relative_to(GITHUB))


def read(path: Path) -> dict[str, Any]:
    """Return a workflow; `on` stays text, which YAML 1.1 takes for a truth value."""
    found: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506  text alone
    return found


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    """Return the jobs by name."""
    found: dict[str, dict[str, Any]] = read(path)["jobs"]
    return found


def steps(path: Path) -> Iterator[dict[str, Any]]:
    """Yield every step of a workflow or of a composite action."""
    found = read(path)
    for job in found["jobs"].values() if "jobs" in found else [found["runs"]]:
        yield from job["steps"]


def commands(path: Path, name: str) -> Iterator[list[str]]:
    """Yield the words of every call of a command, without redirections."""
    for step in steps(path):
        for line in step.get("run", "").splitlines():
            if match := re.match(rf"\s*{name} ([^|>&]*)", line):
                yield shlex.split(match[1])


def subcommand(words: list[str]) -> Any:
    """Return the click command that the words name, and fail where there is none."""
    command: Any = typer.main.get_command(app)
    for word in words:
        if not hasattr(command, "commands"):
            break
        assert word in command.commands, f"prod-infra {' '.join(words)}"
        command = command.commands[word]
    return command


def sessions() -> set[str]:
    """Return the names that nox knows."""
    nox = Path(sys.executable).with_name("nox")
    listed = subprocess.run([nox, "--list"], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(re.findall(r"^[*-] (\S+)", listed.stdout, re.MULTILINE))


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_actions_are_pinned(path: Path) -> None:
    """Every action of others is a full commit, with the version that it is in a comment; one commit an action."""
    used = re.findall(r"uses: (.+)", path.read_text(encoding="utf-8"))
    for text in used:
        assert text.startswith("./.github/actions/") or PINNED.fullmatch(text), text


def test_an_action_has_one_version() -> None:
    """No workflow is left behind when an action is moved on."""
    text = "".join(path.read_text(encoding="utf-8") for path in FILES)
    found = {(match["action"], match["sha"]) for match in PINNED.finditer(text)}
    assert len(found) == len({action for action, _ in found})


def test_own_actions_exist() -> None:
    """An action of this repository is there."""
    own = {step["uses"] for path in WORKFLOWS for step in steps(path) if step.get("uses", "").startswith("./")}
    assert own == {"./.github/actions/setup"}
    assert (GITHUB / "actions" / "setup" / "action.yml").is_file()


@pytest.mark.parametrize("path", WORKFLOWS, ids=ids)
def test_nothing_is_allowed_by_default(path: Path) -> None:
    """The workflow allows nothing, each job what it needs, and none more than is listed here."""
    assert read(path)["permissions"] == {}
    for name, job in jobs(path).items():
        assert job["permissions"]
        written = {(path.stem, name, scope) for scope, right in job["permissions"].items() if right == "write"}
        assert written <= WRITES


@pytest.mark.parametrize("path", WORKFLOWS, ids=ids)
def test_runs_are_bounded(path: Path) -> None:
    """Each job ends by itself, each workflow has a concurrency group, and no deploy is cancelled by the next."""
    found = read(path)
    assert found["concurrency"]["group"]
    assert all(0 < int(job["timeout-minutes"]) <= 180 for job in found["jobs"].values())
    if path.stem in {"deploy-prod", "drills", "checks"}:
        assert found["concurrency"]["cancel-in-progress"] == "false"


@pytest.mark.parametrize("path", WORKFLOWS, ids=ids)
def test_strangers_get_nothing(path: Path) -> None:
    """No run of a fork's code has a token that writes, and none keeps the token in the checkout."""
    assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(read(path)["on"])
    for step in steps(path):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] == "false"


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_nothing_is_pasted_into_a_shell(path: Path) -> None:
    """Expressions reach a script by its environment alone, and there is no stored secret anywhere."""
    assert "secrets." not in path.read_text(encoding="utf-8")
    assert not [step["run"] for step in steps(path) if "${{" in step.get("run", "")]


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_scripts_parse(path: Path) -> None:
    """Every script is one that bash understands."""
    bash = shutil.which("bash")
    assert bash
    for step in steps(path):
        done = subprocess.run([bash, "-n"], input=step.get("run", ""), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=ids)
def test_only_environments_assume_the_role(path: Path) -> None:
    """A job that may ask for a token of AWS is in an environment, whose rules and variables apply."""
    for job in jobs(path).values():
        assumes = any(step.get("uses", "").startswith("aws-actions/") for step in job["steps"])
        assert assumes == (job["permissions"].get("id-token") == "write")
        assert not assumes or job["environment"]


def test_what_was_planned_is_what_is_deployed() -> None:
    """The deploy waits for its environment's reviewers, and is held to the digest and plan file of the plan job."""
    found = jobs(GITHUB / "workflows" / "deploy-prod.yml")
    assert {job["environment"] for job in found.values()} == {"production"}
    assert found["deploy"]["needs"] == "plan"
    first, second = commands(GITHUB / "workflows" / "deploy-prod.yml", "prod-infra")
    assert "dry_run=true" in first
    assert "dry_run=false" in second
    assert second[second.index("--approve") + 1] == "$DIGEST"
    kept = [step["with"] for step in found["plan"]["steps"] if step.get("uses", "").startswith("actions/upload")]
    assert ".prod-infra/pulumi/prod" in kept[0]["path"]
    assert kept[0]["include-hidden-files"] == "true"


def test_nox_sessions_exist() -> None:
    """Every session that a workflow or .ci/run asks for is in the noxfile."""
    known, asked = sessions(), set()
    for path in WORKFLOWS:
        for words in commands(path, "nox"):
            assert words[0] == "-s"
            pythons = [job["strategy"]["matrix"]["python"] for job in jobs(path).values() if "strategy" in job]
            asked |= (
                {words[1].replace("${PYTHON}", version) for version in pythons[0]} if "$" in words[1] else {words[1]}
            )
    assert {"policy", "tests-python-3.11"} <= asked <= known


def test_prod_infra_commands_exist() -> None:
    """Every `prod-infra` command that a workflow gives is one, with options that it takes."""
    called = [words for path in FILES for words in commands(path, "prod-infra")]
    assert called
    for words in called:
        options = {option for parameter in subcommand(words).params for option in parameter.opts}
        assert {word for word in words if re.match(r"--?[a-z]", word)} <= options, words


def test_runbooks_exist() -> None:
    """Every runbook that runs by name, by calendar or by choice is in the catalogue, and takes the parameters."""
    drills, checks = (read(GITHUB / "workflows" / f"{name}.yml") for name in ("drills", "checks"))
    choice = drills["on"]["workflow_dispatch"]["inputs"]["runbook"]["options"]
    named = {*choice, *checks["jobs"]["check"]["strategy"]["matrix"]["runbook"], "deploy_prod"}
    assert named <= RUNBOOKS.keys()
    for path in WORKFLOWS:
        for words in commands(path, "prod-infra runbook run"):
            given = {words[at + 1].partition("=")[0] for at, word in enumerate(words) if word == "-p"}
            takers = named if words[0] == "$RUNBOOK" else {words[0]}
            assert all(given <= set(RUNBOOKS[name].parameters.names()) for name in takers)


def test_every_date_of_the_calendar_has_its_drill() -> None:
    """Each schedule names the drill in its comment, the expression chooses the same, and each drill has a date."""
    path = GITHUB / "workflows" / "drills.yml"
    text, expression = path.read_text(encoding="utf-8"), read(path)["env"]["RUNBOOK"]
    dates = dict(re.findall(r'- cron: "(.+)" # (\w+)', text))
    assert list(dates) == [entry["cron"] for entry in read(path)["on"]["schedule"]]
    chosen = dict(re.findall(r"schedule == '(.+?)' && '(\w+)'", expression))
    last = {cron: re.findall(r"'(\w+)' }}", expression)[0] for cron in dates.keys() - chosen.keys()}
    assert len(last) == 1
    assert {**chosen, **last} == dates
    assert sorted(dates.values()) == sorted(read(path)["on"]["workflow_dispatch"]["inputs"]["runbook"]["options"])


def test_a_session_lasts_no_longer_than_the_role_gives() -> None:
    """No job asks AWS for more hours than the role of `prod-infra bootstrap` gives."""
    wanted = [
        step["with"].get("role-duration-seconds", "3600")
        for path in WORKFLOWS
        for step in steps(path)
        if step.get("uses", "").startswith("aws-actions/")
    ]
    assert wanted
    assert max(map(int, wanted)) <= DeployRole.session_seconds


def test_the_role_trusts_the_environment_of_the_deploy() -> None:
    """The environment that the workflows deploy in is the one that `prod-infra bootstrap` lets take the role."""
    trusted = inspect.signature(bootstrap).parameters["github_environment"].default
    takers = {
        job["environment"] for path in WORKFLOWS for job in jobs(path).values() if "vars.DEPLOY_ROLE_ARN" in str(job)
    }
    assert takers == {trusted}
    trusted = inspect.signature(bootstrap).parameters["checks_environment"].default
    takers = {
        job["environment"] for path in WORKFLOWS for job in jobs(path).values() if "vars.CHECK_ROLE_ARN" in str(job)
    }
    assert takers == {trusted}


def test_pulumi_is_the_sdks_version() -> None:
    """The CLI of the workflows is of the version that requirements.txt pins for the SDK."""
    [pinned] = re.findall(r"^pulumi==(\S+)", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    [given] = [step["with"]["pulumi-version"] for step in steps(FILES[-1]) if "pulumi-version" in step.get("with", {})]
    assert given == pinned
