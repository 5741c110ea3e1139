"""What settings are right, and how wrong ones are refused."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pytest
from hypothesis import given
from hypothesis import settings as profile

from prod_infra.errors import InvalidInputError
from prod_infra.settings import Settings, settings_reference
from tests.recording import record
from tests.strategies import settings as any_settings

PRODUCTION = {
    "vpc_cidr": "10.1.0.0/16",
    "availability_zone_count": 2,
    "single_nat_gateway": False,
    "enable_http": False,
    "database_port": 27017,
    "scan_on_push": True,
    "force_delete": False,
    "force_destroy": False,
    "instance_count": 2,
    "backup_retention_period": 14,
    "preferred_backup_window": "03:00-04:00",
    "preferred_maintenance_window": "sun:04:00-sun:05:00",
    "enabled_cloudwatch_logs_exports": ("audit", "profiler"),
    "apply_immediately": False,
    "master_password_secret_name": "prod/docdb/master_password",
    "enable_blue_green": True,
    "enable_http_redirect": True,
    "enable_cross_zone_load_balancing": True,
    "target_protocol": "HTTPS",
    "enable_blue_green_deployment": True,
    "autoscaling_min_tasks": 2,
    "autoscaling_max_tasks": 8,
    "autoscaling_cpu_threshold": 70,
}


def _faults(**settings: Any) -> tuple[str, ...]:
    with pytest.raises(InvalidInputError) as caught:
        Settings(**settings)
    return caught.value.faults


def test_defaults_are_productions() -> None:
    """`Settings()` is production, value by value."""
    settings = Settings()
    assert {name: getattr(settings, name) for name in PRODUCTION} == PRODUCTION


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("vpc_cidr", "10.1.0.0/15", "host bits"),
        ("vpc_cidr", "10.2.0.0/15", "too large"),
        ("vpc_cidr", "10.1.0.0/24", "too small"),
        ("vpc_cidr", "52.1.0.0/16", "not a private block"),
        ("vpc_cidr", "ten", "vpc_cidr"),
        ("vpc_cidr", "10.0.0.0/16", "overlaps 10.0.0.0/16"),
        ("peer_cidrs", ("10.1.128.0/20",), "overlaps 10.1.128.0/20"),
        ("peer_cidrs", ("nowhere",), "peer_cidrs"),
        ("availability_zone_count", 1, "availability_zone_count"),
        ("availability_zones", ("eu-central-1a",), "two or more zones"),
        ("availability_zones", ("eu-central-1a", "eu-central-1a"), "each once"),
        ("availability_zones", ("eu-central-1a", "us-east-1b"), "'us-east-1b' is not a zone of eu-central-1"),
        ("backup_retention_period", 0, "backup_retention_period"),
        ("backup_retention_period", 36, "backup_retention_period"),
        ("autoscaling_max_tasks", 1, "autoscaling_min_tasks 2 is more than autoscaling_max_tasks 1"),
        ("domain_name", "https://example.com", "domain_name"),
        ("domain_name", "example", "domain_name"),
        ("domain_name", "-a.example.com", "domain_name"),
        ("hosted_zone_name", "example.org", "not in hosted_zone_name"),
        ("hosted_zone_name", "ample.com", "not in hosted_zone_name"),
        ("enable_http", "yes", "must be true or false"),
        ("instance_count", "2", "must be a whole number"),
        ("instance_count", True, "must be a whole number"),
        ("instance_count", 0, "instance_count"),
        ("target_protocol", "TCP", '"HTTPS" or "HTTP"'),
        ("preferred_backup_window", "3-4", "must look like 03:00-04:00"),
        ("preferred_backup_window", "03:00-03:20", "30 minutes"),
        ("preferred_backup_window", "04:30-05:30", "overlaps"),
        ("preferred_maintenance_window", "sun:04:00", "must look like sun:04:00-sun:05:00"),
        ("preferred_maintenance_window", "sun:04:00-tue:04:00", "shorter than 24 hours"),
        ("enabled_cloudwatch_logs_exports", ("slow",), "enabled_cloudwatch_logs_exports"),
        ("app_image", "repo:latest", "by digest"),
        ("app_port", 0, "app_port"),
        ("app_port", 65536, "app_port"),
        ("test_listener_port", 443, "taken"),
        ("task_memory", 100, "doesn't go with"),
        ("task_cpu", 300, "no Fargate size"),
        ("enable_blue_green", False, "needs the two target groups"),
        ("log_retention_days", 364, "365 is"),
        ("master_username", "admin", "reserved"),
        ("environment", "Prod!", "environment"),
        ("region", "frankfurt", "region"),
        ("app_environment", {"a-b": "1"}, "no name of an environment variable"),
        ("app_environment", {"DATABASE_HOST": "x"}, "in both"),
        ("vpc_cider", "10.1.0.0/16", "Did you mean vpc_cidr?"),
    ],
)
def test_what_cannot_be_right_is_refused(name: str, value: object, words: str) -> None:
    """Each fault is one sentence that names the setting and what is wrong with it."""
    faults = _faults(**{name: value})
    assert len(faults) == 1, faults
    assert words in faults[0]
    assert name in faults[0]


@pytest.mark.parametrize(
    "unsafe",
    [
        {"backup_retention_period": 7},
        {"single_nat_gateway": True},
        {"force_delete": True},
        {"force_destroy": True},
        {"instance_count": 1},
        {"target_protocol": "HTTP"},
        {"enabled_cloudwatch_logs_exports": ()},
        {"master_password_secret_name": "dev/docdb/master_password"},
        {"app_secrets": {"JWT": "dev/app:JWT"}},
        {"autoscaling_min_tasks": 1},
        {"enable_blue_green": False, "enable_blue_green_deployment": False},
        {"preferred_backup_window": "23:30-00:30"},
    ],
    ids=json.dumps,
)
def test_what_is_possible_but_unsafe_is_left_to_the_policy_pack(unsafe: dict[str, Any]) -> None:
    """Settings judge what can be, the policy pack what should be."""
    Settings(**unsafe)


def test_every_fault_comes_at_once() -> None:
    """Wrong types, unknown names, single values and contradictions are reported together."""
    faults = _faults(
        vpc_cidr="10.1.0.0/25",
        enable_http="yes",
        vpc_cider="x",
        autoscaling_min_tasks=9,
        preferred_backup_window="04:00-05:00",
        app_environment={"API_TOKEN": "t"},
    )
    assert len(faults) == 6, faults


@pytest.mark.parametrize(
    "setting",
    [
        {"app_environment": {"DB_PASSWORD": "hunter2-planted"}},
        {"app_environment": {"DB": "mongodb://user:hunter2-planted@db.example.net/x"}},
        {"app_environment": {"AWS": "AKIAIOSFODNN7EXAMPLE"}},
        {"app_secrets": {"JWT": "hunter2-planted"}},
        {"app_secrets": {"DB": "mongodb://user:hunter2-planted@db.example.net/x"}},
        {"master_password_secret_name": "hunter2-planted"},
        {"master_password_secret_name": 4711},
    ],
    ids=range(7),
)
def test_a_secret_is_refused_and_never_shown(setting: dict[str, Any]) -> None:
    """A literal secret in place of a reference is a fault, whose words don't repeat it."""
    with pytest.raises(InvalidInputError) as caught:
        Settings(**setting)
    assert not any(word in str(caught.value) for word in ("hunter2", "AKIA", "4711"))


@given(any_settings())
@profile(max_examples=20, deadline=None)
def test_configuration_text_gives_the_same_settings(settings: Settings) -> None:
    """What is written to a stack's configuration is read back as it was."""
    config = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in settings.model_dump(exclude_none=True).items()
    }
    assert _read(config) == settings


def _read(config: dict[str, str]) -> Settings:
    read: list[Settings] = []
    record(lambda: read.append(Settings.from_config(pulumi.Config("prod-infra"))), **config)
    return read[0]


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("enable_http", "yes", "must be true or false"),
        ("enable_http", "True", "must be true or false"),
        ("instance_count", "two", "must be a whole number"),
        ("availability_zones", "eu-central-1a", "must be a list of text"),
        ("app_environment", "[1]", "must be a mapping"),
        ("app_environment", '{"A": 1}', "must be a mapping"),
        ("enable_htttp", "true", "Did you mean enable_http?"),
        ("region", "eu-west-1", "aws:region is 'eu-central-1'"),
    ],
)
def test_wrong_configuration_is_refused(key: str, text: str, words: str) -> None:
    """Configuration is text: what does not parse as the setting's type is a fault of that setting."""
    with pytest.raises(InvalidInputError, match="can't be right") as caught:
        _read({key: text})
    assert words in str(caught.value)


def test_reference_explains_every_setting() -> None:
    """The reference has each setting with type, JSON default and meaning."""
    reference = settings_reference()
    assert [entry["name"] for entry in reference] == list(Settings.model_fields)
    assert all(entry["type"] and entry["meaning"] for entry in reference)
    json.dumps(reference)
