"""What runs in a task, and what it may do and know."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from policies.checks import Check, Props, equals, one_of
from policies.graph import items
from policies.rule import CHECKOV, FSBP, WELL_ARCHITECTED, Absent, ResourceRule, Severity
from policies.tokens import TASK_DEFINITION

Container = Mapping[str, Any]

# What Fargate can send a container's output with (ECS developer guide, task definition parameters for Fargate).
LOG_DRIVERS = ("awslogs", "awsfirelens", "splunk")

_SECRET_NAME = re.compile(
    r"PASSWORD|PASSWD|PASSPHRASE|(^|_)PWD|SECRET|TOKEN|(PRIVATE|API|ACCESS|SIGNING|ENCRYPTION|MASTER)[_-]?KEY|CREDENTIAL",
    re.IGNORECASE,
)
# Names of where a secret is, not of the secret itself.
_POINTER_NAME = re.compile(r"_(ARN|NAME|ID|FILE|PATH|URL|TTL|LIFETIME|EXPIRES)$", re.IGNORECASE)
# An AWS access key id, a PEM private key, a URL with a password in it, a token of Stripe, GitHub or Slack, a JWT, or a
# password given on the command line.
_SECRET_VALUE = re.compile(
    r"\b(AKIA|ASIA)[A-Z0-9]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY|://[^/\s:@]*:[^/\s@]+@"
    r"|\b[sr]k_live_\w{10}|\bgh[pousr]_\w{20}|\bxox[abprs]-\w|\beyJ[\w-]{10,}\.[\w-]{10,}\.|--?pass\w*[= ]\S"
)
_FROM_PROD = re.compile(r":secretsmanager:[^:]*:[^:]*:secret:prod/|:ssm:[^:]*:[^:]*:parameter/prod/")


def containers(props: Props) -> list[Container]:
    """Return the containers of a task definition, from its JSON text.

    Raises:
        UnknownValueError: where the text holds anything that AWS has yet to decide.
    """
    text = props.get("containerDefinitions")
    if text is None:
        return []
    found = json.loads(text) if isinstance(text, str) else list(items(text))
    return found if isinstance(found, list) else []


def every_container(fault: Callable[[Container], Iterator[str]]) -> Check:
    """Return the check that no container of a task definition has a fault; there must be one."""

    def check(props: Props) -> Iterator[str]:
        found = containers(props)
        if not found:
            yield "containerDefinitions holds no container"
        for index, container in enumerate(found):
            for sentence in fault(container):
                yield f"containerDefinitions[{index}].{sentence}"

    return check


def _writable(container: Container) -> Iterator[str]:
    yield from equals("readonlyRootFilesystem", expected=True)(container)


def _privileged(container: Container) -> Iterator[str]:
    yield from equals("privileged", expected=False, absent_ok=True)(container)


def _plaintext(container: Container) -> Iterator[str]:
    for index, variable in enumerate(container.get("environment") or ()):
        name, value = str(variable.get("name", "")), str(variable.get("value", ""))
        called_secret = _SECRET_NAME.search(name) and not _POINTER_NAME.search(name)
        if value and (called_secret or _SECRET_VALUE.search(value)):
            yield f"environment[{index}] holds what looks like a secret in plain text"
    for key in ("command", "entryPoint"):
        if _SECRET_VALUE.search(" ".join(map(str, container.get(key) or ()))):
            yield f"{key} holds what looks like a secret in plain text"
    for name in (container.get("logConfiguration") or {}).get("options") or {}:
        if _SECRET_NAME.search(name):
            yield "logConfiguration.options has a secret's name; it belongs in secretOptions"


def secrets_outside_prod(container: Container) -> Iterator[str]:
    """Yield a fault for each injected secret whose ARN is not one of `prod/`."""
    for index, secret in enumerate(container.get("secrets") or ()):
        if not _FROM_PROD.search(str(secret.get("valueFrom", ""))):
            yield f"secrets[{index}].valueFrom must be the ARN of a secret under prod/"


def _no_logs(container: Container) -> Iterator[str]:
    yield from one_of("logConfiguration.logDriver", LOG_DRIVERS)(container)


def task(**container: Any) -> dict[str, Any]:
    """Return an example task definition with one container, as JSON text."""
    return {"containerDefinitions": json.dumps([{"name": "app", **container}])}


_DEFERRED = "the containers hold names that AWS has yet to give; `up` decides before it makes the task definition"
_NO_CONTAINERS = Absent(means="AWS refuses a task definition without containers, and says so late")

TASK_READ_ONLY = ResourceRule(
    id="task-read-only-root",
    title="A container can't write to its root file system",
    why="An intruder could leave his tools in it.",
    severity=Severity.HIGH,
    on=TASK_DEFINITION,
    keys=("containerDefinitions",),
    absent=_NO_CONTAINERS,
    deferred=_DEFERRED,
    fix="Keep readonlyRootFilesystem on and mount volumes for what must be written, as prod_infra.compute.ecs does.",
    controls={FSBP: ("ECS.5",), CHECKOV: ("CKV_AWS_336",)},
    check=every_container(_writable),
    passes=(task(readonlyRootFilesystem=True),),
    fails=(task(readonlyRootFilesystem=False), task()),
)

TASK_UNPRIVILEGED = ResourceRule(
    id="task-unprivileged",
    title="A container is not privileged",
    why="A privileged container is root on its host.",
    severity=Severity.HIGH,
    on=TASK_DEFINITION,
    keys=("containerDefinitions",),
    absent=_NO_CONTAINERS,
    deferred=_DEFERRED,
    fix="Leave privileged out, as prod_infra.compute.ecs does.",
    controls={FSBP: ("ECS.4",), CHECKOV: ("CKV_AWS_334",)},
    check=every_container(_privileged),
    passes=(task(), task(privileged=False)),
    fails=(task(privileged=True),),
)

TASK_NO_PLAINTEXT_SECRET = ResourceRule(
    id="task-no-plaintext-secret",
    title="A container's environment holds no secret in plain text",
    why="Everyone who may describe the task, and every log of it, would have the secret.",
    severity=Severity.CRITICAL,
    on=TASK_DEFINITION,
    keys=("containerDefinitions",),
    absent=_NO_CONTAINERS,
    deferred=_DEFERRED,
    fix="Put it into Secrets Manager under prod/ and inject it by ARN, as prod_infra.compute.ecs does.",
    controls={FSBP: ("ECS.8",), WELL_ARCHITECTED: ("SEC02-BP03",)},
    check=every_container(_plaintext),
    passes=(
        task(environment=[{"name": "PORT", "value": "8080"}, {"name": "DB_PASSWORD_ARN", "value": "arn:aws:x"}]),
        task(secrets=[{"name": "DB_PASSWORD", "valueFrom": "arn:aws:secretsmanager:r:1:secret:prod/db-1"}]),
    ),
    fails=(
        task(environment=[{"name": "DB_PASSWORD", "value": "x"}]),
        task(environment=[{"name": "DATABASE", "value": "mongodb://app:x@db:27017"}]),
        task(environment=[{"name": "KEY", "value": "AKIA" + "A" * 16}]),
        task(environment=[{"name": "MONGO_PWD", "value": "x"}]),
        task(environment=[{"name": "JWT_SIGNING_KEY", "value": "x"}]),
        task(environment=[{"name": "STRIPE", "value": "sk_live_" + "a" * 24}]),
        task(command=["serve", "--password=x"]),
        task(logConfiguration={"logDriver": "splunk", "options": {"splunk-token": "x"}}),
    ),
)

TASK_LOGS = ResourceRule(
    id="task-logs",
    title="A container's output is kept",
    why="Without a log driver nobody can say what happened.",
    severity=Severity.MEDIUM,
    on=TASK_DEFINITION,
    keys=("containerDefinitions",),
    absent=_NO_CONTAINERS,
    deferred=_DEFERRED,
    fix="Keep the awslogs driver, as prod_infra.compute.ecs does.",
    controls={FSBP: ("ECS.9",), WELL_ARCHITECTED: ("SEC04-BP01",)},
    check=every_container(_no_logs),
    passes=(task(logConfiguration={"logDriver": "awslogs"}),),
    fails=(task(), task(logConfiguration={}), task(logConfiguration={"logDriver": "none"})),
)

RULES = (
    TASK_READ_ONLY,
    TASK_UNPRIVILEGED,
    TASK_NO_PLAINTEXT_SECRET,
    TASK_LOGS,
)
