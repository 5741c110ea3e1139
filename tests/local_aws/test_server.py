"""The local AWS as a process: start, attach, stop, and what it says when it can't."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from botocore.exceptions import ClientError

from prod_infra.errors import TargetError
from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.server import LocalAws


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> bool:
    """Return whether the condition came true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def gone(pid: int) -> bool:
    """Return whether a process has ended; one that waits to be reaped has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_health_tells_instance_pid_and_version(local_aws: LocalAws) -> None:
    """The health path identifies the server that answers."""
    health = httpx.get(f"{local_aws.endpoint}/_prod_infra/health").json()
    assert health == {"instance": local_aws.instance_id, "pid": local_aws.pid, "version": "0.1.0"}


def test_listens_on_loopback_alone(local_aws: LocalAws) -> None:
    """The endpoint is an address of this machine that no other can reach."""
    assert local_aws.endpoint.startswith("http://127.0.0.1:")


def test_attach_finds_the_running_server(local_aws: LocalAws) -> None:
    """Attaching gives the same instance, without a second server."""
    attached = LocalAws.attach(f"{local_aws.endpoint}/")
    assert (attached.endpoint, attached.instance_id, attached.pid) == (
        local_aws.endpoint,
        local_aws.instance_id,
        local_aws.pid,
    )


def test_attach_refuses_an_endpoint_off_this_machine() -> None:
    """Target local touches nothing else, so an address elsewhere is refused unasked."""
    with pytest.raises(TargetError, match="not an endpoint on this machine"):
        LocalAws.attach("http://192.0.2.1:5000")


def test_attach_says_that_nobody_answers() -> None:
    """A closed port is a clear error with the way out."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(TargetError, match=r"nothing answers at .*\n  next: start one"):
        LocalAws.attach(f"http://127.0.0.1:{port}")


def test_a_port_in_use_is_named(local_aws: LocalAws) -> None:
    """Starting on a taken port says which, and what to do."""
    port = int(local_aws.endpoint.rpartition(":")[2])
    with pytest.raises(TargetError, match=rf"127\.0\.0\.1:{port}.*\n  next: choose another port"):
        LocalAws.start(port)


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    """Without moto the server says what to install."""
    (tmp_path / "moto.py").write_text("raise ImportError('No module named moto')")
    answer = subprocess.run(
        [sys.executable, "-m", "prod_infra.local_aws"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert answer.returncode == 1
    assert json.loads(answer.stdout)["hint"] == "pip install 'prod-infra[local]'"


def test_stop_ends_the_process_and_may_be_repeated() -> None:
    """After stop nothing answers, and stopping again is no error."""
    server = LocalAws.start()
    server.stop()
    assert gone(server.pid)
    assert not server.running
    server.stop()


def test_the_server_ends_with_the_process_that_started_it() -> None:
    """A killed parent leaves no server behind."""
    program = "from prod_infra.local_aws.server import LocalAws; print(LocalAws.start().pid, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not gone(pid)
        parent.send_signal(signal.SIGKILL)
    assert wait_until(lambda: gone(pid))


def test_a_kept_server_outlives_its_parent_and_stops_when_asked(tmp_path: Path) -> None:
    """`keep` detaches; attach finds it later, and stop ends it."""
    program = (
        "import sys; from pathlib import Path; from prod_infra.local_aws.server import LocalAws;"
        "print(LocalAws.start(keep=True, log=Path(sys.argv[1])).endpoint)"
    )
    log = tmp_path / "kept" / "server.log"
    done = subprocess.run(
        [sys.executable, "-c", program, str(log)], capture_output=True, check=True, text=True, timeout=60
    )
    server = LocalAws.attach(done.stdout.strip())
    assert server.running
    server.stop()
    assert wait_until(lambda: gone(server.pid))
    assert log.exists()


def test_sigterm_stops_the_server() -> None:
    """A service manager's signal ends it with exit code 0."""
    with subprocess.Popen([sys.executable, "-m", "prod_infra.local_aws"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        json.loads(process.stdout.readline())
        process.terminate()
        assert process.wait(20) == 0


def test_seeds_the_hosted_zones_it_is_given() -> None:
    """The environment looks its zone up, so the zones asked for exist from the start."""
    with LocalAws.start(hosted_zones=("one.example", "two.example")) as server:
        zones = Clients(server.endpoint, "eu-central-1")("route53").list_hosted_zones()["HostedZones"]
    assert sorted(zone["Name"] for zone in zones) == ["one.example.", "two.example."]


def test_reset_forgets_all_but_the_zone(clients: Clients, local_aws: LocalAws) -> None:
    """Between tests nothing remains but what a fresh server has."""
    clients("ecr").create_repository(repositoryName="app")
    local_aws.reset()
    assert clients("ecr").describe_repositories()["repositories"] == []
    assert [zone["Name"] for zone in clients("route53").list_hosted_zones()["HostedZones"]] == ["example.com."]


def test_what_moto_lacks_is_an_error_that_no_sdk_retries(clients: Clients) -> None:
    """An action without an implementation fails at once, in the service's own protocol, and names itself."""
    for service, call, arguments in (
        ("ecs", "describe_service_revisions", {"serviceRevisionArns": ["arn"]}),
        ("rds", "describe_reserved_db_instances", {}),
        ("ec2", "describe_bundle_tasks", {}),
    ):
        with pytest.raises(ClientError, match="implemented") as caught:
            getattr(clients(service), call)(**arguments)
        assert caught.value.response["Error"]["Code"] == "NotImplemented"
        assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 0


def test_parallel_clients_lose_nothing(clients: Clients) -> None:
    """Sixteen clients at once create and list without an error, and all they made is there."""

    def make(number: int) -> None:
        clients("ec2").create_security_group(GroupName=f"group-{number}", Description="x")
        clients("ec2").describe_security_groups()
        clients("ecr").create_repository(repositoryName=f"repository-{number}")
        clients("ecr").describe_repositories()

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(make, range(64)))
    assert len(clients("ecr").describe_repositories()["repositories"]) == 64
    groups = clients("ec2").describe_security_groups()["SecurityGroups"]
    assert len([group for group in groups if group["GroupName"].startswith("group-")]) == 64
