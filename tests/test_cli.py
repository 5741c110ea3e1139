"""The command line as a process: what a user types, sees and gets as exit code."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from prod_infra.local_aws.server import LocalAws

COMMAND = str(Path(sys.executable).with_name("prod-infra"))


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `prod-infra` in a folder, as a user would, wide enough that no table wraps."""
    environment = {**os.environ, "COLUMNS": "300", "NO_COLOR": "1"}
    return subprocess.run(
        [COMMAND, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def test_settings_lists_every_setting_with_its_default(tmp_path: Path) -> None:
    """`settings --json` gives name, type, default and meaning of each setting."""
    found = {entry["name"]: entry for entry in json.loads(run("settings", "--json", folder=tmp_path).stdout)}
    assert found["vpc_cidr"]["default"] == "10.1.0.0/16"
    assert found["backup_retention_period"]["default"] == 14
    assert all(entry["meaning"] for entry in found.values())


def test_resources_prints_the_inventory(tmp_path: Path) -> None:
    """`resources --json` gives type, URN, inputs, dependencies and source line of what the program registers."""
    found = json.loads(run("resources", "--json", folder=tmp_path).stdout)
    vpc = next(entry for entry in found if entry["type"] == "aws:ec2/vpc:Vpc")
    assert vpc["inputs"]["cidrBlock"] == "10.1.0.0/16"
    assert vpc["source"].rpartition(":")[0].endswith("vpc.py")
    assert any(entry["dependencies"] for entry in found)


def test_resources_masks_secrets(tmp_path: Path) -> None:
    """The database password and the origin header's value show as a mask or as unknown."""
    found = json.loads(run("resources", "--json", folder=tmp_path).stdout)
    cluster = next(entry for entry in found if entry["type"] == "aws:docdb/cluster:Cluster")
    assert cluster["inputs"]["masterPassword"] in {"[secret]", "[unknown]"}


def test_a_setting_of_the_command_line_reaches_the_program(tmp_path: Path) -> None:
    """`--set` overrides one setting."""
    found = json.loads(run("resources", "--json", "--set", "vpc_cidr=10.9.0.0/16", folder=tmp_path).stdout)
    assert next(e for e in found if e["type"] == "aws:ec2/vpc:Vpc")["inputs"]["cidrBlock"] == "10.9.0.0/16"


def test_bad_settings_are_told_all_at_once(tmp_path: Path) -> None:
    """Two faulty settings give two faults, exit code 1 and no traceback."""
    done = run("resources", "--set", "backup_retention_period=99", "--set", "instance_cuont=2", folder=tmp_path)
    assert done.returncode == 1
    assert "backup_retention_period" in done.stderr
    assert "instance_count" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_option_without_a_value_is_refused(tmp_path: Path) -> None:
    """`--set name` without `=value` says what form it takes."""
    done = run("resources", "--set", "instance_count", folder=tmp_path)
    assert done.returncode == 1
    assert "name=value" in done.stderr


def test_policy_passes_the_shipped_environment(tmp_path: Path) -> None:
    """The gate lets production's defaults pass, from any folder."""
    done = run("policy", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("setting", ["backup_retention_period=7", "single_nat_gateway=true", "enable_http=true"])
def test_policy_refuses_an_unsafe_setting(tmp_path: Path, setting: str) -> None:
    """A possible but unsafe setting exits 1 and names the setting in the fix."""
    done = run("policy", "--set", setting, folder=tmp_path)
    assert done.returncode == 1
    assert setting.partition("=")[0] in done.stdout


def test_local_aws_refuses_a_port_in_use(tmp_path: Path) -> None:
    """A port that something else holds is named, and nothing starts."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("local-aws", "--port", str(port), folder=tmp_path)
    assert done.returncode == 1
    assert str(port) in done.stderr


def test_an_endpoint_off_this_machine_is_refused(tmp_path: Path) -> None:
    """Target local touches nothing but loopback."""
    done = run("up", "--target", "local", "--endpoint", "http://192.0.2.1:5000", folder=tmp_path)
    assert done.returncode == 1
    assert "not an endpoint on this machine" in done.stderr


def test_target_aws_without_the_cli_says_so(tmp_path: Path) -> None:
    """Target aws needs the Pulumi CLI and credentials; without them nothing happens and the way out is named."""
    done = run("preview", "--target", "aws", folder=tmp_path)
    assert done.returncode == 1
    assert "pulumi" in done.stderr.lower()


@pytest.mark.parametrize("command", ["up", "destroy"])
def test_a_real_account_is_not_changed_without_a_plan(tmp_path: Path, command: str) -> None:
    """`up` and `destroy` are for rehearsals: on aws the runbook plans, asks, and does what was approved."""
    done = run(command, "--target", "aws", folder=tmp_path)
    assert done.returncode == 1
    assert "deploy_prod" in done.stderr


def test_preview_on_aws_wants_to_know_which_account(tmp_path: Path) -> None:
    """A stack that names no account is refused, with the way to name one, before any credentials are looked for."""
    done = run("preview", "--target", "aws", folder=tmp_path)
    assert done.returncode == 1
    assert "aws:allowedAccountIds" in done.stderr


def test_bootstrap_on_aws_wants_to_know_which_account(tmp_path: Path) -> None:
    """The bootstrap is guarded as a deploy is."""
    done = run("bootstrap", "--target", "aws", "--repository", "acme/shop", folder=tmp_path)
    assert done.returncode == 1
    assert "aws:allowedAccountIds" in done.stderr


def test_the_pulumi_engine_needs_the_cli(tmp_path: Path, local_aws: LocalAws) -> None:
    """`--engine pulumi` without a CLI says how to come by one."""
    environment = {**os.environ, "PATH": str(tmp_path), "HOME": str(tmp_path)}
    command = [COMMAND, "preview", "--engine", "pulumi", "--endpoint", local_aws.endpoint]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 1
    assert "The Pulumi CLI is not on PATH" in done.stderr


def test_the_cli_is_downloaded_once(tmp_path: Path) -> None:
    """Without a network it is said what to do; one that was downloaded before is found without."""
    command = [COMMAND, "install-cli"]
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "https_proxy": "http://127.0.0.1:9"}
    failed = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert "can't be downloaded" in failed.stderr
    assert "onto PATH" in failed.stderr
    assert "Traceback" not in failed.stderr
    script = tmp_path / ".pulumi" / "versions" / version("pulumi") / "bin" / "pulumi"
    script.parent.mkdir(parents=True)
    script.write_text(f"#!/bin/sh\necho v{version('pulumi')}\n", encoding="utf-8")
    script.chmod(0o755)
    found = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert found.stdout == f"Pulumi {version('pulumi')}: {script}\n"
