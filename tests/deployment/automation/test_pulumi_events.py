"""What the real engine's events come to, where one event alone does not say it."""

from __future__ import annotations

from typing import Any

from pulumi.automation.events import (
    DiffKind,
    EngineEvent,
    OpType,
    PropertyDiff,
    ResourcePreEvent,
    StepEventMetadata,
    StepEventStateMetadata,
)

from prod_infra.deployment.automation.pulumi_events import Listener
from prod_infra.deployment.engine import ChangeKind
from prod_infra.deployment.program.wire import SECRET, SIGNATURE

TYPE = "memory:index:Thing"
MASKED = {SIGNATURE: SECRET, "ciphertext": "[secret]"}


def _urn(name: str) -> str:
    return f"urn:pulumi:test::laws::{TYPE}::{name}"


def _state(name: str, id_: str = "", **inputs: Any) -> StepEventStateMetadata:
    return StepEventStateMetadata(type=TYPE, urn=_urn(name), id=id_, parent="", provider="", inputs=inputs)


def _heard(*steps: StepEventMetadata) -> list[tuple[str, ChangeKind]]:
    listener = Listener()
    for step in steps:
        listener.on_event(EngineEvent(1, 1, resource_pre_event=ResourcePreEvent(step)))
    return [(change.name, change.kind) for change in listener.ordered]


def _step(op: OpType, name: str, old: StepEventStateMetadata | None, **more: Any) -> StepEventMetadata:
    return StepEventMetadata(op=op, urn=_urn(name), type=TYPE, provider="", old=old, **more)


def test_what_is_replaced_under_another_name_is_one_replacement() -> None:
    """The old one is deleted under the name that it had, before or after."""
    old = _state("a", "id-1")
    made, deleted = _step(OpType.CREATE_REPLACEMENT, "b", old), _step(OpType.DELETE_REPLACED, "a", old)
    assert _heard(made, deleted) == _heard(deleted, made) == [("b", ChangeKind.REPLACE)]


def test_what_is_deleted_for_a_replacement_and_never_made_again_is_deleted() -> None:
    """The program no longer has it."""
    assert _heard(_step(OpType.DELETE_REPLACED, "a", _state("a", "id-1"))) == [("a", ChangeKind.DELETE)]


def test_an_old_copy_is_told_beside_what_took_its_place() -> None:
    """An earlier run could not delete it."""
    same = _step(OpType.SAME, "a", _state("a", "id-2"))
    assert _heard(same, _step(OpType.DELETE_REPLACED, "a", _state("a", "id-1"))) == [
        ("a", ChangeKind.SAME),
        ("a", ChangeKind.DELETE),
    ]


def test_a_secret_that_differs_is_told_without_it() -> None:
    """The engine masks it on both sides; the paths say that it is another one."""
    listener = Listener()
    step = _step(
        OpType.UPDATE,
        "a",
        _state("a", "id-1", tags={"x": MASKED, "y": MASKED}),
        new=_state("a", "id-1", tags={"x": MASKED, "y": MASKED}),
        detailed_diff={"tags.x": PropertyDiff(DiffKind.UPDATE, input_diff=False)},
    )
    listener.on_event(EngineEvent(1, 1, resource_pre_event=ResourcePreEvent(step)))
    (found,) = listener.ordered[0].properties
    assert (found.path, found.old, found.new) == ("tags.x", "[secret]", "[secret]")


def test_an_explicit_provider_is_a_resource_and_a_default_one_is_none() -> None:
    """As in what the CLI prints."""
    kind = "pulumi:providers:memory"
    steps = [
        StepEventMetadata(op=OpType.CREATE, urn=f"urn:pulumi:test::laws::{kind}::{name}", type=kind, provider="")
        for name in ("default", "default_1_0_0", "mine")
    ]
    assert _heard(*steps) == [("mine", ChangeKind.CREATE)]
