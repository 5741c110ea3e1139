"""What holds for every program: laws of the embedded engine over generated ones."""

from __future__ import annotations

import multiprocessing
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from prod_infra.deployment.engine import ChangeKind, Result
from tests.deployment.memory_cloud import Cloud, Node, expected, held
from tests.deployment.sandbox import PASSPHRASE, engine, state_file, up_and_die


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the passphrase that the sandbox sets back after each test."""
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", PASSPHRASE)


@st.composite
def programs(draw: st.DrawFn) -> tuple[Node, ...]:
    """Up to six resources, each of which may need earlier ones."""
    nodes: list[Node] = []
    for name in draw(st.lists(st.sampled_from("abcdef"), max_size=6, unique=True)):
        earlier = [node.name for node in nodes]
        node = Node(
            name=name,
            value=draw(st.integers(0, 2)),
            fixed=draw(st.integers(0, 1)),
            unique=draw(st.booleans()),
            needs=tuple(sorted(draw(st.sets(st.sampled_from(earlier), max_size=2)))) if earlier else (),
            anchor=draw(st.sampled_from(["", *earlier])),
        )
        nodes.append(node)
    return tuple(nodes)


@st.composite
def transitions(draw: st.DrawFn) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
    """Two programs after each other, of which Pulumi's own engine makes the same each time.

    What was anchored to a resource that is deleted before it is replaced, by itself or together with what it needs,
    stays so. Else the new program registers both side by side, and it is chance what Pulumi does: which difference it
    hears of first decides whether the former dependent goes first as well, is refused by the cloud, or is written to
    the state twice ("snapshot integrity failure"; seen with 3.260). The embedded engine waits for what still holds the
    old one, and takes old copies away first.
    """
    before, after = draw(programs()), draw(programs())
    firsts = {node.name for nodes in (before, after) for node in nodes if node.unique}
    for node in before:
        if firsts.intersection((*node.needs, node.anchor)):
            firsts.add(node.name)
    # A cloud refuses to delete what something that is only updated, or deleted, later on still needs.
    assume(not any(firsts.intersection(node.needs) for node in before))
    anchors = {node.name: node.anchor for node in before if node.anchor in firsts}
    names = {node.name for node in after}
    for node in after:
        was = anchors.get(node.name, "")
        assume(was == node.anchor or was not in names)
    return before, after


@contextmanager
def folder() -> Iterator[Path]:
    """A folder for one example; fixtures live as long as all examples."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def kinds(result: Result) -> list[tuple[str, ChangeKind]]:
    """What happens to each resource, in order."""
    return [(change.urn, change.kind) for change in result.changes]


@settings(max_examples=40, deadline=None)
@given(transition=transitions())
def test_up_makes_the_program_true_does_what_preview_said_and_then_has_nothing_to_do(
    transition: tuple[tuple[Node, ...], tuple[Node, ...]],
) -> None:
    """From any program to any other: the cloud holds exactly what the second asks for."""
    before, after = transition
    cloud = Cloud()
    with folder() as path:
        engine(before, cloud, path).up()
        second = engine(after, cloud, path)
        planned = second.preview()
        assert kinds(second.up()) == kinds(planned)
        assert held(cloud) == expected(after)
        assert not second.up().has_changes
        assert "hunter2!" not in (path / "test.json").read_text()


@settings(max_examples=20, deadline=None)
@given(nodes=programs())
def test_destroy_leaves_nothing_behind(nodes: tuple[Node, ...]) -> None:
    """The cloud refuses to delete what is in use, so this holds only in reverse order of dependency."""
    cloud = Cloud()
    with folder() as path:
        deployed = engine(nodes, cloud, path)
        deployed.up()
        deployed.destroy()
        assert not cloud.things
        assert state_file(path).load() == ([], [])


@settings(max_examples=20, deadline=None)
@given(nodes=programs())
def test_refresh_without_drift_changes_nothing(nodes: tuple[Node, ...]) -> None:
    """Reading twice gives the same, and `up` after it as well."""
    cloud = Cloud()
    with folder() as path:
        deployed = engine(nodes, cloud, path)
        deployed.up()
        assert not deployed.refresh().has_changes
        assert not deployed.up().has_changes


@settings(max_examples=25, deadline=None)
@given(
    transition=transitions(),
    call=st.integers(0, 9),
    moment=st.sampled_from(["before", "after"]),
)
def test_a_kill_at_any_moment_leaves_nothing_that_the_next_up_does_not_mend(
    transition: tuple[tuple[Node, ...], tuple[Node, ...]], call: int, moment: str
) -> None:
    """After kill -9 and another `up`, the cloud holds exactly what it would have held, and no orphan."""
    before, after = transition
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.deployment.sandbox"])
    with folder() as path:
        (path / "cloud").mkdir()
        engine(before, Cloud(path / "cloud"), path).up()
        victim = processes.Process(target=up_and_die, args=(after, path, call, moment))
        victim.start()
        victim.join(60)
        assert victim.exitcode in {0, -signal.SIGKILL}
        cloud = Cloud(path / "cloud")
        again = engine(after, cloud, path)
        planned = again.preview()
        assert kinds(again.up()) == kinds(planned)
        assert held(cloud) == expected(after)
        assert not again.up().has_changes
        again.destroy()
        assert not cloud.things
