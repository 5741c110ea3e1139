"""Stories that both engines are told, and what each makes of them, in words that can be compared.

`python -m tests.deployment.conformance` runs them on the real engine and writes `real_engine.json`: where there is no
CLI, the embedded engine is held against that.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import grpc.aio
import pulumi
from pulumi.runtime.proto import provider_pb2_grpc

from prod_infra.deployment.embedded.embedded_engine import EmbeddedEngine
from prod_infra.deployment.engine import Engine, Program, Result
from prod_infra.deployment.pulumi_engine import PulumiEngine
from prod_infra.errors import ProdInfraError
from prod_infra.local_aws.provider.wire import Servicer
from tests.deployment.memory_cloud import Cloud, Group, MemoryProvider, Thing
from tests.deployment.sandbox import PASSPHRASE, state_file

TRANSCRIPT: Final = Path(__file__).with_name("real_engine.json")

Options = pulumi.ResourceOptions
Act = Callable[[Cloud], None]


@dataclass(frozen=True)
class Step:
    """One operation of a story: the program as it is by then, and what somebody does to the cloud before."""

    main: Callable[[], None]
    operation: Literal["up", "refresh", "destroy"] = "up"
    before: Act | None = None


def one(value: int = 0, opts: Options | None = None, **props: Any) -> Callable[[], None]:
    """A program of one thing."""
    return lambda: pulumi.export("arn", Thing("a", {"value": value, "fixed": 0, **props}, opts).arn)


def pair(fixed: int = 0, value: int = 0, opts: Options | None = None, kind: str = "Thing") -> Callable[[], None]:
    """A program of a thing and another that needs it."""

    def main() -> None:
        name = {"name": "only-a"} if kind == "Unique" else {}
        first = Thing("a", {"value": 0, "fixed": fixed, **name}, opts, kind=kind)
        Thing("b", {"value": value, "fixed": 0, "needs": [first.id]})

    return main


def in_group(name: str = "g", **options: Any) -> Callable[[], None]:
    """A program of a thing in a component."""

    def main() -> None:
        group = Group(name)
        Thing("a", {"value": 0, "fixed": 0}, Options(parent=group, **options))

    return main


def secret() -> None:
    """A program with a secret."""
    thing = Thing("a", {"value": 0, "fixed": 0, "secret": pulumi.Output.secret("hunter2!")})
    pulumi.export("arn", thing.arn)
    pulumi.export("hidden", pulumi.Output.secret("hunter2!"))


def nothing() -> None:
    """An empty program."""


def drift(cloud: Cloud) -> None:
    """Somebody changes the first thing by hand."""
    next(iter(cloud.things.values()))["value"] = 99


def loss(cloud: Cloud) -> None:
    """Somebody deletes the last thing by hand."""
    cloud.things.pop(list(cloud.things)[-1])


STORIES: Final[Mapping[str, Sequence[Step]]] = {
    "created, unchanged, destroyed": [Step(one()), Step(one()), Step(one(), "destroy")],
    "changed in place": [Step(one(1)), Step(one(2))],
    "a property added and removed": [Step(one(items=[1])), Step(one(items=[1, 2])), Step(one())],
    "added and removed": [Step(one()), Step(pair()), Step(one()), Step(nothing)],
    "replaced, created first": [Step(pair(0)), Step(pair(1))],
    "replaced, deleted first by the provider": [Step(pair(0, kind="Unique")), Step(pair(1, kind="Unique"))],
    "replaced, deleted first by the program": [
        Step(pair(0, opts=Options(delete_before_replace=True))),
        Step(pair(1, opts=Options(delete_before_replace=True))),
    ],
    "replaced on a change that needs none": [
        Step(one(1, Options(replace_on_changes=["value"]))),
        Step(one(2, Options(replace_on_changes=["value"]))),
    ],
    "a change that is ignored": [
        Step(one(1, Options(ignore_changes=["value"]))),
        Step(one(2, Options(ignore_changes=["value"]))),
        Step(one(2)),
    ],
    "protected from removal": [Step(one(0, Options(protect=True))), Step(nothing), Step(one()), Step(nothing)],
    "protected from replacement": [
        Step(pair(0, opts=Options(protect=True))),
        Step(pair(1, opts=Options(protect=True))),
    ],
    "moved under another parent by alias": [
        Step(one()),
        Step(in_group(aliases=[pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)])),
    ],
    "kept when removed": [Step(one(0, Options(retain_on_delete=True))), Step(nothing)],
    "refused by the provider's check": [Step(one(nonsense=1)), Step(one())],
    "failed in the middle": [Step(one()), Step(pair(), before=lambda cloud: _refuse(cloud, "b")), Step(pair())],
    "refreshed after drift": [Step(pair()), Step(pair(), "refresh", before=drift), Step(pair())],
    "refreshed after a loss": [Step(pair()), Step(pair(), "refresh", before=loss), Step(pair())],
    "secrets": [Step(secret), Step(secret)],
}


class RefusedError(Exception):
    """What the cloud answers once."""


def _refuse(cloud: Cloud, name: str) -> None:
    """Let the cloud refuse the next create of a thing."""

    def on_call(operation: str, props: dict[str, Any]) -> None:
        if operation == "create" and str(props["name"]).startswith(name):
            cloud.on_call = None
            raise RefusedError("not today")

    cloud.on_call = on_call


def _plain(value: Any) -> Any:
    """Return a value without what chance has put in: names' suffixes, IDs."""
    text = json.dumps(value, sort_keys=True)
    return json.loads(re.sub(r"id-[0-9a-f]{12}", "id-*", re.sub(r'"([a-z])-[0-9a-f]{8}"', r'"\1-*"', text)))


def told(result: Result) -> dict[str, Any]:
    """Return what one operation said, sorted: engines work side by side."""
    changes = [
        [
            change.urn.split("::", 2)[2],
            change.kind.value,
            sorted([found.path, found.old, found.new, found.replaces] for found in change.properties),
        ]
        for change in result.changes
        if not change.urn.split("::")[2].startswith("pulumi:pulumi:Stack")
    ]
    return {"changes": _plain(sorted(changes)), "outputs": _plain(dict(result.outputs))}


def play(steps: Sequence[Step], engine_of: Callable[[Callable[[], None]], Engine], cloud: Cloud) -> list[Any]:
    """Run a story on an engine; each step tells its plan, what it did, and what the cloud then holds."""
    story: list[Any] = []
    for step in steps:
        if step.before:
            step.before(cloud)
        engine = engine_of(step.main)
        chapter: dict[str, Any] = {}
        try:
            if step.operation == "up":
                chapter["plan"] = told(engine.preview())["changes"]
            chapter["done"] = told(getattr(engine, step.operation)())
        except ProdInfraError:
            chapter["failed"] = True
        chapter["cloud"] = sorted((_plain(thing) for thing in cloud.things.values()), key=json.dumps)
        story.append(chapter)
    return story


def _program(main: Callable[[], None]) -> Program:
    return Program(project="laws", stack="test", main=main, config={"memory:zone": "one"})


@contextmanager
def embedded() -> Iterator[Callable[[Sequence[Step]], list[Any]]]:
    """Give a function that plays a story on the embedded engine."""

    def run(steps: Sequence[Step]) -> list[Any]:
        with tempfile.TemporaryDirectory() as name:
            cloud = Cloud()
            state = state_file(Path(name))
            return play(
                steps, lambda main: EmbeddedEngine(_program(main), {"memory": MemoryProvider(cloud)}, state), cloud
            )

    yield run


class _Stage:
    """Serves the memory provider over gRPC, from a thread with a loop of its own; the cloud changes with the story."""

    def __init__(self) -> None:
        self.provider = MemoryProvider(Cloud())
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self.port = 0
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)
        self._thread.start()
        self._ready.wait()

    async def _serve(self) -> None:
        self._end = asyncio.Event()
        server = grpc.aio.server()
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(self.provider, "1.0.0"), server)
        self.port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        self._ready.set()
        await self._end.wait()
        await server.stop(0)

    def close(self) -> None:
        """Stop serving."""
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
        self._loop.close()


@contextmanager
def real() -> Iterator[Callable[[Sequence[Step]], list[Any]]]:
    """Give a function that plays a story on Pulumi's own engine."""
    os.environ["PULUMI_CONFIG_PASSPHRASE"] = PASSPHRASE
    stage = _Stage()

    def run(steps: Sequence[Step]) -> list[Any]:
        with tempfile.TemporaryDirectory() as name:
            stage.provider.cloud = cloud = Cloud()
            (Path(name) / "state").mkdir()

            def engine(main: Callable[[], None]) -> PulumiEngine:
                return PulumiEngine(
                    _program(main),
                    backend=f"file://{name}/state",
                    environment={"PULUMI_DEBUG_PROVIDERS": f"memory:{stage.port}"},
                    folder=Path(name) / "stack",
                )

            return play(steps, engine, cloud)

    try:
        yield run
    finally:
        stage.close()


def main() -> None:
    """Write what the real engine makes of every story."""
    with real() as run:
        found = {name: run(steps) for name, steps in STORIES.items()}
    TRANSCRIPT.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
