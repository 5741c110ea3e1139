"""Target local: an AWS of this machine that is started, kept and found again, and nothing off loopback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prod_infra.deployment.targets import LocalTarget, open_local, remember
from prod_infra.errors import TargetError
from prod_infra.local_aws.server import LocalAws


def test_own_server_ends_with_its_target(tmp_path: Path) -> None:
    """A started local AWS answers inside the block and is gone after it, with the states of what was in it."""
    with open_local(directory=tmp_path, start=True) as target:
        state = target.state_path("prod")
        state.parent.mkdir(parents=True)
        state.touch()
        assert target.server.running
        assert target.clients().endpoint == target.endpoint
    assert not target.server.running
    assert not state.exists()


def test_kept_server_is_found_again(tmp_path: Path) -> None:
    """A kept local AWS outlives its target and is found from the same directory, with the same states."""
    with open_local(directory=tmp_path, start=True, keep=True) as first:
        pass
    try:
        with open_local(directory=tmp_path) as second:
            assert second.instance_id == first.instance_id
            assert second.state_path("prod") == first.state_path("prod")
            assert not second.owned
    finally:
        first.server.stop()


def test_note_of_a_server_that_is_gone_is_dropped(tmp_path: Path, local_aws: LocalAws) -> None:
    """A note of another instance, at a port that is in use again, is no kept server."""
    remember(local_aws, tmp_path)
    note = tmp_path / ".prod-infra" / "local" / "server.json"
    note.write_text(json.dumps({**json.loads(note.read_text()), "instance_id": "another"}))
    assert LocalTarget.kept(tmp_path) is None
    assert not note.exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"endpoint": "http://127.0.0.1:9"}', '{"endpoint": 5}'])
def test_unreadable_note_is_no_server(tmp_path: Path, text: str) -> None:
    """A damaged note never stops anybody from starting anew."""
    note = tmp_path / ".prod-infra" / "local" / "server.json"
    note.parent.mkdir(parents=True)
    note.write_text(text)
    assert LocalTarget.kept(tmp_path) is None


def test_no_server_says_how_to_start_one(tmp_path: Path) -> None:
    """Without a local AWS and without leave to start one, the error says how to."""
    with pytest.raises(TargetError, match="prod-infra local-aws"):
        open_local(directory=tmp_path)


def test_endpoint_off_loopback_is_refused(tmp_path: Path) -> None:
    """Target local attaches to nothing but this machine."""
    with pytest.raises(TargetError, match="not an endpoint on this machine"):
        open_local("https://ec2.eu-central-1.amazonaws.com", directory=tmp_path)


def test_states_of_instances_are_apart(tmp_path: Path, local_aws: LocalAws) -> None:
    """A state belongs to one instance of the local AWS and one stack."""
    target = LocalTarget(local_aws, tmp_path)
    assert target.state_path("prod") != target.state_path("dev")
    assert local_aws.instance_id in target.state_path("prod").parts
