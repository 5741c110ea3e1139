"""The state file: what it takes, what it refuses, and that it never overwrites what it does not understand."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prod_infra.deployment.embedded.resource_state import ResourceState, from_json, to_json
from prod_infra.deployment.embedded.secrets_manager import SecretsManager
from prod_infra.deployment.embedded.state import Operation, StateFile
from prod_infra.errors import StateError
from prod_infra.properties import plain, typed
from tests.deployment.memory_cloud import Cloud, Node
from tests.deployment.sandbox import PASSPHRASE, SALT, engine, state_file

URN = "urn:pulumi:test::laws::memory:index:Thing::a"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the passphrase that the sandbox sets back after each test."""
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", PASSPHRASE)


def document(**changes: Any) -> dict[str, Any]:
    """A state of one resource, with parts of it replaced."""
    resource = {"urn": URN, "custom": True, "id": "1", "type": "memory:index:Thing"}
    secrets = {"type": "passphrase", "state": {"salt": SALT}}
    deployment = {"manifest": {}, "secrets_providers": secrets, "resources": [resource]}
    return {"version": 3, "deployment": {**deployment, **changes.pop("deployment", {})}, **changes}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not JSON"),
        ("{]", "is not JSON"),
        ("[]", "is not a Pulumi deployment"),
        ('{"version": 3}', "is not a Pulumi deployment"),
        (json.dumps({"version": 3, "checkpoint": {}}), "is not a Pulumi deployment"),
        (json.dumps(document(version=4)), "schema version 4"),
        (json.dumps(document(deployment={"resources": [{"urn": URN}]})), "is not a Pulumi deployment"),
        (
            json.dumps(document(deployment={"secrets_providers": {"type": "cloud", "state": {}}})),
            "keeps its secrets with",
        ),
        (json.dumps(document()).replace("::laws::", "::other::"), "belongs to another stack"),
        (json.dumps(document()).replace("pulumi:test", "pulumi:prod"), "belongs to another stack"),
    ],
)
def test_what_is_not_this_stacks_state_is_refused_and_left_alone(text: str, says: str, tmp_path: Path) -> None:
    """The error names the file and the way out, for preview as for up."""
    deployed = engine([Node("a")], Cloud(), tmp_path)
    (tmp_path / "test.json").write_text(text)
    for operation in (deployed.preview, deployed.up, deployed.refresh, deployed.destroy, deployed.outputs):
        with pytest.raises(StateError, match=says) as error:
            operation()
        assert "test.json" in str(error.value)
        assert "backup" in error.value.hint
    assert (tmp_path / "test.json").read_text() == text


def test_a_wrong_passphrase_is_refused_and_the_state_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written with a key that can't read what is there."""
    file = state_file(tmp_path)
    before = file.path.read_bytes()
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "another")
    with pytest.raises(StateError, match="The passphrase is not the one"):
        file.load()
    assert file.path.read_bytes() == before


def test_without_a_passphrase_a_key_is_made_for_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key lies beside the state; without it the state can't be read."""
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE")
    file = StateFile(tmp_path / "s.json", "laws", "test")
    resource = ResourceState(urn=URN, type="memory:index:Thing", custom=True, inputs=typed({"p": "hunter2!"}, {"p"}))
    file.write([resource], [])
    assert stat.S_IMODE((tmp_path / "s.key").stat().st_mode) == 0o600
    assert "hunter2!" not in file.path.read_text()
    (loaded,), _ = StateFile(tmp_path / "s.json", "laws", "test").load()
    assert loaded.inputs["p"].is_secret
    assert plain(loaded.inputs) == {"p": "hunter2!"}
    (tmp_path / "s.key").unlink()
    with pytest.raises(StateError, match=r"the key file .*s.key is missing"):
        StateFile(tmp_path / "s.json", "laws", "test").load()


def test_pending_operations_and_unknown_fields_survive(tmp_path: Path) -> None:
    """What the real CLI wrote and this engine has no use for is written back as it was."""
    file = state_file(tmp_path)
    resource = from_json({"urn": URN, "custom": True, "type": "t:i:T", "hideDiff": ["x"]}, str)
    file.write([resource], [Operation(type="creating", resource=resource)])
    resources, pending = file.load()
    assert resources[0].rest == {"hideDiff": ["x"]}
    assert [(operation.type, operation.resource.urn) for operation in pending] == [("creating", URN)]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(props=st.dictionaries(st.text(min_size=1), VALUES, max_size=4), data=st.data())
def test_properties_come_back_as_they_were(props: dict[str, Any], data: st.DataObject) -> None:
    """Any JSON, with any of it secret, through the state's form and its encryption."""
    secret = data.draw(st.sets(st.sampled_from(sorted(props)))) if props else set()
    manager = SecretsManager(PASSPHRASE, SALT)
    before = ResourceState(urn=URN, type="t:i:T", custom=True, inputs=typed(props, secret))
    after = from_json(json.loads(json.dumps(to_json(before, manager.encrypt))), manager.decrypt)
    assert plain(after.inputs) == plain(before.inputs)
    assert {key for key, value in after.inputs.items() if value.is_secret} == secret


def test_pulumis_own_ciphertext_can_be_read() -> None:
    """A vector of Pulumi's tests: https://github.com/pulumi/pulumi/blob/master/pkg/secrets/passphrase/manager_test.go."""
    state = "v1:fozI5u6B030=:v1:F+6ZduKKd8G0/V7L:PGMFeIzwobWRKmEAzUdaQHqC5mMRIQ=="
    assert SecretsManager("password", state).state == state


@pytest.mark.parametrize("altered", ["v1:AAAA:BBBB", "v2:AAAA:BBBB", "nonsense"])
def test_altered_ciphertext_is_an_error(altered: str) -> None:
    """Never a wrong value."""
    with pytest.raises(StateError, match="can't be decrypted"):
        SecretsManager(PASSPHRASE, SALT).decrypt(altered)
