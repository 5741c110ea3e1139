"""Every job of the project, in one shared virtual environment: `nox -l` lists them."""

from __future__ import annotations

from pathlib import Path

import nox
from uv import find_uv_bin

nox.needs_version = ">=2026.4"
nox.options.sessions = ["lint", "types", "policy", "tests"]

VENV = Path(".nox/prod-infra").resolve()
UV = find_uv_bin()
PYTHON = ">=3.11,<3.14"
shared = nox.session(venv_backend="none")


def run(session: nox.Session, command: str, *args: str) -> None:
    """Run a command of the shared environment, which is made and kept up to date here.

    Installing is a look when nothing changed; dependencies are pinned and their hashes checked.
    """
    pip = (UV, "pip", "install", "--quiet", "--python", str(VENV))
    if not VENV.exists():
        session.run(UV, "venv", "--quiet", "--python", PYTHON, str(VENV), external=True)
    session.run(*pip, "--require-hashes", "--requirement", "requirements.txt", external=True, silent=True)
    session.run(*pip, "--no-deps", "--no-build-isolation", "--editable", ".", external=True, silent=True)
    # Without bytecode each start compiles pulumi_aws anew, which takes longer than the work itself.
    env = {"VIRTUAL_ENV": str(VENV), "PYTHONDONTWRITEBYTECODE": ""}
    session.run(str(VENV / "bin" / command), *args, external=True, env=env)


@nox.session(name="deploy-prod", venv_backend="none")
def deploy_prod(session: nox.Session) -> None:
    """Check, plan, deploy, verify and record the production environment; `-- -p name=value`, `-- --keep`."""
    run(session, "prod-infra", "runbook", "run", "deploy_prod", *session.posargs)


@shared
def drill(session: nox.Session) -> None:
    """Run any runbook: `-- docdb_failover -p name=value`; on a bare machine an environment is made for it first."""
    run(session, "prod-infra", "runbook", "run", *session.posargs)


@shared
def undo(session: nox.Session) -> None:
    """Take back what a run has done: `-- RUN_ID`, the name of its folder in records/."""
    run(session, "prod-infra", "runbook", "undo", *session.posargs)


@shared
def policy(session: nox.Session) -> None:
    """Run the policy pack on what the program registers: no CLI, no credentials, no network."""
    run(session, "prod-infra", "policy", *session.posargs)


@nox.session(name="policy-proof", venv_backend="none")
def policy_proof(session: nox.Session) -> None:
    """Weaken the environment in every place; write docs/policy-coverage.md: which rules notice, and what none does."""
    run(session, "python", "-m", "tests.policies.proof", *session.posargs)


@shared
def tests(session: nox.Session) -> None:
    """Run the tests on every core, a file on one: many deploy the environment once; `-- tests/edge -k cdn` narrows."""
    run(session, "pytest", "-n", "auto", "--dist", "loadfile", *session.posargs)


@shared
def lint(session: nox.Session) -> None:
    """Check style and format."""
    run(session, "ruff", "check")
    run(session, "ruff", "format", "--check")


@shared
def types(session: nox.Session) -> None:
    """Check types; the first run reads all of pulumi_aws (2.4 GB, under a minute)."""
    run(session, "mypy")


@shared
def bench(session: nox.Session) -> None:
    """Measure speed and growth, as ratios within one run."""
    run(session, "python", "-m", "tests.bench", *session.posargs)


@shared
def docs(session: nox.Session) -> None:
    """Write docs/environment.* and docs/api.md again, from what the program registers and the docstrings say."""
    run(session, "prod-infra", "graph", "--format", "svg", "--output", "docs/environment.svg")
    run(session, "prod-infra", "graph", "--format", "mermaid", "--output", "docs/environment.mmd")
    run(session, "python", "-m", "tests.api_reference")


@nox.session(name="tests-python", python=["3.11", "3.12", "3.13"], venv_backend="uv")
def tests_python(session: nox.Session) -> None:
    """Run the tests under each supported Python, each in an environment of its own."""
    session.install("--require-hashes", "-r", "requirements.txt")
    session.install("--no-deps", "--no-build-isolation", "-e", ".")
    session.run("pytest", "-n", "auto", *session.posargs)


@shared
def lock(session: nox.Session) -> None:
    """Compile requirements.txt again from pyproject.toml, hashes included, no registry named."""
    session.run(
        *(UV, "pip", "compile", "pyproject.toml", "--extra", "local", "--group", "dev", "--universal"),
        *("--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links"),
        *("--custom-compile-command", "nox -s lock", "--quiet", "--output-file", "requirements.txt", *session.posargs),
        external=True,
    )
