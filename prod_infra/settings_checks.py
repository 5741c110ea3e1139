"""What can't be right about the settings, in words that say what to change; possible secrets are never shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from ipaddress import IPv4Network
from itertools import combinations
from typing import TYPE_CHECKING, Final

from prod_infra.data.windows import backup_minutes, maintenance_minutes, windows_overlap
from prod_infra.network.plan import LARGEST_VPC, SMALLEST_VPC

if TYPE_CHECKING:
    from prod_infra.settings import Settings

_LABEL: Final = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_SECRET_NAME: Final = r"[A-Za-z0-9_-]+(/[A-Za-z0-9_.-]+)+"  # noqa: S105  the shape of a name
_SECRET_WORDS: Final = frozenset(
    "PASSWORD PASSWD PASSPHRASE PWD SECRET SECRETS TOKEN KEY APIKEY CREDENTIAL CREDENTIALS".split()  # noqa: SIM905
)
_SECRET_VALUE: Final = re.compile(
    r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@|(?:AKIA|ASIA)[A-Z0-9]{16}|-----BEGIN [A-Z ]*PRIVATE KEY-----",
    re.IGNORECASE,
)
_PRIVATE: Final = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")))
"""Blocks for networks of one's own (RFC 1918, RFC 6598)."""

DATABASE_VARIABLES: Final = ("DATABASE_HOST", "DATABASE_PORT", "DATABASE_USERNAME", "DATABASE_PASSWORD")
"""Environment variables that every task gets."""

_LOG_RETENTION_DAYS: Final = frozenset(
    {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
)
"""What CloudWatch Logs accepts (API reference, `PutRetentionPolicy`)."""

_FARGATE_MEMORY: Final[Mapping[int, Collection[int]]] = {
    256: (512, 1024, 2048),
    512: range(1024, 4097, 1024),
    1024: range(2048, 8193, 1024),
    2048: range(4096, 16385, 1024),
    4096: range(8192, 30721, 1024),
    8192: range(16384, 61441, 4096),
    16384: range(32768, 122881, 8192),
}
"""Memory in MiB that a Fargate CPU size may have (ECS guide, "Fargate task definition considerations")."""

_SHAPES: Final = {
    "environment": (r"[a-z][a-z0-9-]{0,10}", "must be up to 11 lower-case letters, digits and hyphens, such as prod"),
    "region": (r"[a-z]{2}(-[a-z]+)+-\d", "must be an AWS region such as eu-central-1"),
    "domain_name": (
        rf"(?=.{{4,242}}$)({_LABEL}\.)+[a-z]([a-z0-9-]{{0,61}}[a-z0-9])",
        "must be a domain in lower case such as shop.example.com, without scheme, path or final dot",
    ),
    "hosted_zone_name": (
        rf"(?=.{{2,253}}$)({_LABEL}\.)*[a-z]([a-z0-9-]{{0,61}}[a-z0-9])",
        "must be a domain in lower case such as example.com, without final dot",
    ),
    "app_image": (
        r"[a-z0-9][a-z0-9._:/-]*@sha256:[0-9a-f]{64}",
        "must name the image by digest, repository@sha256:<64 hex digits>: a tag can change under a running service",
    ),
    "master_username": (r"[A-Za-z][A-Za-z0-9]{0,62}", "must be up to 63 letters and digits and start with a letter"),
    # The value may be a password that was put here by mistake, so only its shape is spoken of.
    "master_password_secret_name": (
        _SECRET_NAME,
        "must be the name of a secret such as prod/docdb/master_password, never the secret itself",
    ),
}


def faults(settings: Settings, skip: Collection[str]) -> Iterator[str]:
    """Yield every fault that a type can't express, of single settings and across settings.

    Args:
        settings: all of whose values have the right type, but for those in `skip`.
        skip: names of settings that are already known to be wrong.
    """
    wrong = set(skip)
    for name, (shape, demand) in _SHAPES.items():
        value = getattr(settings, name)
        if name not in wrong and value is not None and not re.fullmatch(shape, value):
            wrong.add(name)
            yield f"{name} {demand}."
    for names, check in _CHECKS.items():
        if wrong.isdisjoint(names):
            found = list(check(settings))
            if found and len(names) == 1:
                wrong.update(names)
            yield from found


def _network(name: str, text: str) -> IPv4Network | str:
    try:
        return IPv4Network(text)
    except ValueError as error:
        return f"{name}: {error}."


def _vpc_cidr(settings: Settings) -> Iterator[str]:
    network = _network("vpc_cidr", settings.vpc_cidr)
    if isinstance(network, str):
        yield network
        return
    if not any(network.subnet_of(block) for block in _PRIVATE):
        yield f"vpc_cidr {network} is not a private block; take one from {', '.join(map(str, _PRIVATE))}."
    if network.prefixlen < LARGEST_VPC:
        yield f"vpc_cidr {network} is too large: AWS allows a VPC no more than /{LARGEST_VPC}."
    if network.prefixlen > SMALLEST_VPC:
        yield (
            f"vpc_cidr {network} is too small: its subnets are a 16th of it, and a load balancer needs /27, "
            f"so take /{SMALLEST_VPC} or larger."
        )


def _peer_cidrs(settings: Settings) -> Iterator[str]:
    yield from (found for text in settings.peer_cidrs if isinstance(found := _network("peer_cidrs", text), str))


def _overlap(settings: Settings) -> Iterator[str]:
    vpc = IPv4Network(settings.vpc_cidr)
    yield from (
        f"vpc_cidr {vpc} overlaps {peer} of peer_cidrs: the two could never be joined."
        for peer in settings.peer_cidrs
        if vpc.overlaps(IPv4Network(peer))
    )


def _availability_zones(settings: Settings) -> Iterator[str]:
    zones = settings.availability_zones
    if zones and len(set(zones)) < max(2, len(zones)):
        yield "availability_zones must name two or more zones, each once: one zone can't survive its own loss."
    for zone in zones:
        if not re.fullmatch(rf"{settings.region}[a-h]", zone):
            yield f"availability_zones: {zone!r} is not a zone of {settings.region}, such as {settings.region}a."


def _hosted_zone(settings: Settings) -> Iterator[str]:
    zone = settings.hosted_zone_name
    if zone is not None and not f".{settings.domain_name}".endswith(f".{zone}"):
        yield f"domain_name {settings.domain_name} is not in hosted_zone_name {zone}."


def _window(check: Callable[[str], range], name: str) -> Callable[[Settings], Iterator[str]]:
    def fault(settings: Settings) -> Iterator[str]:
        try:
            check(getattr(settings, name))
        except ValueError as error:
            yield f"{name} {error}."

    return fault


def _windows(settings: Settings) -> Iterator[str]:
    backup, maintenance = settings.preferred_backup_window, settings.preferred_maintenance_window
    if windows_overlap(backup, maintenance):
        yield f"preferred_backup_window {backup} overlaps preferred_maintenance_window {maintenance}; AWS refuses."


def _ports(settings: Settings) -> Iterator[str]:
    if settings.test_listener_port in {80, 443}:
        yield f"test_listener_port {settings.test_listener_port} is taken by the load balancer's own listeners."


def _username(settings: Settings) -> Iterator[str]:
    if settings.master_username.lower() in {"admin", "root", "master", "serviceadmin"}:
        yield f"master_username {settings.master_username} is reserved in DocumentDB; take another."


def _tasks(settings: Settings) -> Iterator[str]:
    fewest, most = settings.autoscaling_min_tasks, settings.autoscaling_max_tasks
    if fewest > most:
        yield f"autoscaling_min_tasks {fewest} is more than autoscaling_max_tasks {most}."


def _task_size(settings: Settings) -> Iterator[str]:
    memory = _FARGATE_MEMORY.get(settings.task_cpu)
    if memory is None:
        yield f"task_cpu {settings.task_cpu} is no Fargate size; take one of {', '.join(map(str, _FARGATE_MEMORY))}."
    elif settings.task_memory not in memory:
        yield f"task_memory {settings.task_memory} doesn't go with task_cpu {settings.task_cpu}; {min(memory)} does."


def _blue_green(settings: Settings) -> Iterator[str]:
    if settings.enable_blue_green_deployment and not settings.enable_blue_green:
        yield "enable_blue_green_deployment needs the two target groups of enable_blue_green; turn both on or both off."


def _log_retention(settings: Settings) -> Iterator[str]:
    if settings.log_retention_days not in _LOG_RETENTION_DAYS:
        nearest = min(_LOG_RETENTION_DAYS, key=lambda days: abs(days - settings.log_retention_days))
        yield f"log_retention_days {settings.log_retention_days} is not offered by CloudWatch Logs; {nearest} is."


def _app_environment(settings: Settings) -> Iterator[str]:
    for name, value in settings.app_environment.items():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            yield f"app_environment: {name!r} is no name of an environment variable."
        elif _SECRET_WORDS.intersection(name.upper().split("_")) or _SECRET_VALUE.search(value):
            yield (
                f"app_environment: {name} looks like a secret; put it into Secrets Manager and use app_secrets, "
                "which maps the variable to the secret's name under prod/."
            )


def _app_secrets(settings: Settings) -> Iterator[str]:
    for name, reference in settings.app_secrets.items():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            yield f"app_secrets: {name!r} is no name of an environment variable."
        if not re.fullmatch(rf"{_SECRET_NAME}(:[A-Za-z0-9_.-]+)?", reference) or _SECRET_VALUE.search(reference):
            yield f"app_secrets: {name} must be the name of a secret such as prod/app/jwt, never the secret itself."


def _variables(settings: Settings) -> Iterator[str]:
    sources = {
        "app_environment": settings.app_environment,
        "app_secrets": settings.app_secrets,
        "the database's variables": DATABASE_VARIABLES,
    }
    for (first, names), (second, others) in combinations(sources.items(), 2):
        yield from (f"{name} is in both {first} and {second}." for name in sorted(set(names) & set(others)))


_CHECKS: Final[dict[tuple[str, ...], Callable[[Settings], Iterator[str]]]] = {
    # Those of one setting come first: the others rely on what they found.
    ("vpc_cidr",): _vpc_cidr,
    ("peer_cidrs",): _peer_cidrs,
    ("preferred_backup_window",): _window(backup_minutes, "preferred_backup_window"),
    ("preferred_maintenance_window",): _window(maintenance_minutes, "preferred_maintenance_window"),
    ("test_listener_port",): _ports,
    ("master_username",): _username,
    ("log_retention_days",): _log_retention,
    ("app_environment",): _app_environment,
    ("app_secrets",): _app_secrets,
    ("vpc_cidr", "peer_cidrs"): _overlap,
    ("availability_zones", "region"): _availability_zones,
    ("domain_name", "hosted_zone_name"): _hosted_zone,
    ("preferred_backup_window", "preferred_maintenance_window"): _windows,
    ("autoscaling_min_tasks", "autoscaling_max_tasks"): _tasks,
    ("task_cpu", "task_memory"): _task_size,
    ("enable_blue_green", "enable_blue_green_deployment"): _blue_green,
    ("app_environment", "app_secrets"): _variables,
}
"""What each check reads, and the check. It is left out when one of the settings it reads is known to be wrong."""
