"""Every typed change of one setting, and what comes of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from prod_infra.errors import InvalidInputError
from prod_infra.settings import Settings

WEAKER_SETTINGS: Final[Mapping[str, Sequence[object]]] = {
    "app_image": ("repository:latest",),
    "deployment_config_name": ("CodeDeployDefault.ECSAllAtOnce",),
    "enabled_cloudwatch_logs_exports": (["audit"], ["profiler"], []),
    "evidence_retention_mode": ("GOVERNANCE",),
    "health_check_path": ("/",),
    "instance_class": ("db.t3.medium",),
    "master_password_secret_name": ("dev/docdb/master_password",),
    "preferred_backup_window": ("04:00-05:00",),
    "preferred_maintenance_window": ("sun:03:00-sun:04:00",),
    "target_protocol": ("HTTP",),
    "app_environment": ({"DB_PASSWORD": "x"},),
    "app_secrets": ({"TOKEN": "dev/token"},),
    "autoscaling_max_tasks": (2, 9),
    "backup_retention_period": (13,),
    "peer_cidrs": (["10.1.0.0/16"],),
}
"""Values that a type alone doesn't tell."""

_PORT_SETTING: Final = "security groups, listeners and targets follow it"

HARMLESS_SETTINGS: Final[Mapping[str, str]] = {
    "app_port=1": _PORT_SETTING,
    "app_port=4040": _PORT_SETTING,
    "database_port=13508": _PORT_SETTING,
    "test_listener_port=4221": _PORT_SETTING,
    "enable_http_redirect=false": "port 80, to which no security group admits anyone, isn't listened on at all",
    "blue_termination_wait_minutes=15": "15 minutes is the floor",
    "autoscaling_max_tasks=4": "there is still room to scale",
    "autoscaling_cpu_threshold=1": "the change is the stricter one",
    "autoscaling_cpu_threshold=35": "the change is the stricter one",
    "task_cpu=256": "the service scales out sooner, on the same share of its CPUs",
    "kms_deletion_window_days=15": "14 days is the floor",
    "waf_rate_limit=1000": "the change is the stricter one",
    'evidence_retention_mode="GOVERNANCE"': "Security Hub S3.15 takes either; only who has a special permission can"
    " shorten it",
    "evidence_retention_days=36500": "more is kept, never less",
}
"""By `setting=value as JSON`, why no rule has to object."""


@dataclass(frozen=True)
class Outcome:
    """What comes of one change of one setting.

    Attributes:
        name: the setting.
        value: its value, as JSON.
        rules: those that object.
        verdict: what a reader is told; empty where nothing comes of it and nobody has said why that does no harm.
    """

    name: str
    value: str
    rules: tuple[str, ...]
    verdict: str

    @property
    def cells(self) -> tuple[str, str, str]:
        """What the report's table shows."""
        return self.name, self.value, self.verdict or "**no reason given**"


def _values(name: str, default: object) -> Iterator[object]:
    if isinstance(default, bool):
        yield not default
    elif isinstance(default, int):
        yield from dict.fromkeys((0, 1, default // 2, default * 100))
    yield from WEAKER_SETTINGS.get(name, ())


def changes() -> list[dict[str, object]]:
    """Return every change, one setting each: booleans flipped, numbers to 0, 1, half and a hundredfold, known texts."""
    return [
        {name: value}
        for name, field in Settings.model_fields.items()
        for value in _values(name, field.default)
        if value != field.default
    ]


def outcome(settings: Mapping[str, Any], judge: Callable[[], frozenset[str]]) -> Outcome:
    """Return what comes of a change of one setting; `judge` names the rules that object to the environment."""
    ((name, value),) = settings.items()
    text = json.dumps(value)
    try:
        rules = tuple(sorted(judge()))
    except InvalidInputError:
        return Outcome(name, text, (), "refused: it can't be right")
    return Outcome(name, text, rules, ", ".join(rules) or HARMLESS_SETTINGS.get(f"{name}={text}", ""))
