"""Parameters are typed, and every fault is found before a kernel starts."""

from __future__ import annotations

from typing import Any

import pytest

from prod_infra.errors import InvalidInputError
from runbooks.catalog import RUNBOOKS, find_runbook
from runbooks.parameters import DeployProdParameters, Parameters


class Sample(Parameters):
    """Parameters of no runbook."""

    account: str = ""
    revision: str = ""
    count: int = 1
    fast: bool = False


@pytest.mark.parametrize("text", ["012345678901", "12e4567", "nan", "True", "None"])
def test_text_stays_text(text: str) -> None:
    """Account IDs, commits and words that look like numbers reach the runbook as they were typed."""
    assert Sample.check("sample", {"account": text}).account == text


def test_a_number_is_not_taken_for_text() -> None:
    """An account ID that lost its zero on the way is refused rather than used."""
    with pytest.raises(InvalidInputError, match="account: it should be a valid string"):
        Sample.check("sample", {"account": 12345678901})


def test_text_becomes_the_parameter_s_type() -> None:
    """`-p count=3 -p fast=true` gives a number and a truth value."""
    found = Sample.check("sample", {"count": "3", "fast": "true"})
    assert (found.count, found.fast) == (3, True)


def test_every_fault_at_once() -> None:
    """Wrong types and unknown names are reported together, with the nearest name."""
    with pytest.raises(InvalidInputError) as caught:
        Sample.check("sample", {"count": "many", "fast": "perhaps", "acount": "1", "zzz": "1"})
    assert len(caught.value.faults) == 4
    assert "acount is no parameter of sample. Did you mean account?" in caught.value.faults
    assert "zzz is no parameter of sample." in caught.value.faults


def test_unknown_runbook_names_the_nearest() -> None:
    """A misspelt runbook is refused with the nearest name."""
    with pytest.raises(InvalidInputError, match="Did you mean deploy_prod"):
        find_runbook("deploy-prod")


def test_settings_are_parameters_of_deploy_prod() -> None:
    """`-p instance_count=3` sets the environment's setting, typed."""
    given = DeployProdParameters.of_assignments({"instance_count": "3", "enable_http": "true", "stack": "prod"})
    assert given == {"stack": "prod", "settings": {"instance_count": 3, "enable_http": True}}
    assert DeployProdParameters.check("deploy_prod", given).settings["instance_count"] == 3


@pytest.mark.parametrize(
    ("assignments", "fault"),
    [
        ({"instnce_count": "3"}, "Did you mean instance_count"),
        ({"backup_retention_period": "36"}, "backup_retention_period"),
        ({"autoscaling_min_tasks": "9"}, "autoscaling_m"),
        ({"dry_runn": "true"}, "Did you mean dry_run"),
        ({"target": "azure"}, "'local' or 'aws'"),
        ({"stack": "../x"}, "stack"),
    ],
)
def test_deploy_prod_refuses(assignments: dict[str, Any], fault: str) -> None:
    """What can't be right is refused by name, settings and parameters alike."""
    with pytest.raises(InvalidInputError) as caught:
        DeployProdParameters.check("deploy_prod", DeployProdParameters.of_assignments(assignments))
    assert fault in "\n".join(caught.value.faults)


def test_faults_of_settings_and_parameters_come_together() -> None:
    """One run shows every fault, wherever it is."""
    given = DeployProdParameters.of_assignments({"taget": "local", "instance_count": "0", "vpc_cidr": "10.0.0.0"})
    with pytest.raises(InvalidInputError) as caught:
        DeployProdParameters.check("deploy_prod", given)
    assert len(caught.value.faults) == 3


@pytest.mark.parametrize("name", RUNBOOKS)
def test_no_setting_hides_behind_a_parameter(name: str) -> None:
    """A runbook's own names and the settings' names are apart, so `-p` is never ambiguous."""
    names = RUNBOOKS[name].parameters.names()
    assert len(names) == len(set(names))
