"""What each engine makes of the stories, in words that can be compared.

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
from pathlib import Path
from typing import Any, Final

import grpc.aio
from pulumi.runtime.proto import provider_pb2_grpc

from prod_infra.deployment.automation.pulumi_engine import PulumiEngine
from prod_infra.deployment.embedded.embedded_engine import EmbeddedEngine
from prod_infra.deployment.embedded.provider_resources import is_default_provider
from prod_infra.deployment.engine import Engine, Program, Result
from prod_infra.deployment.program.monitor import STACK_TYPE
from prod_infra.deployment.program.wire import SIGNATURE
from prod_infra.errors import ProdInfraError
from prod_infra.local_aws.provider.wire import Servicer
from tests.deployment.memory_cloud import Cloud, MemoryProvider
from tests.deployment.sandbox import PASSPHRASE, state_file
from tests.deployment.stories import STORIES, Step

TRANSCRIPT: Final = Path(__file__).with_name("real_engine.json")


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


def kept(deployment: Mapping[str, Any]) -> list[Any]:
    """Return what a deployment's resources are: flags, references, and which properties are secret."""
    flags = ("custom", "delete", "external", "protect", "pendingReplacement", "retainOnDelete")
    found = [
        [
            resource["urn"].split("::", 2)[2],
            [flag for flag in flags if resource.get(flag)],
            *(resource.get(key, "").split("::", 2)[2:] for key in ("parent", "deletedWith")),
            sorted(resource.get("dependencies") or ()),
            {key: sorted(urns) for key, urns in (resource.get("propertyDependencies") or {}).items() if urns},
            *(
                sorted(
                    name + (" secret" if isinstance(value, dict) and SIGNATURE in value else "")
                    for name, value in (resource.get(side) or {}).items()
                )
                for side in ("inputs", "outputs")
            ),
        ]
        for resource in deployment.get("resources") or ()
        # A program that fails leaves the stack itself, or not: nothing hangs on it.
        if not is_default_provider(resource["urn"]) and resource["type"] != STACK_TYPE
    ]
    return sorted(found, key=json.dumps)


def play(
    steps: Sequence[Step],
    engine_of: Callable[[Callable[[], None]], Engine],
    cloud: Cloud,
    deployment: Callable[[], Mapping[str, Any]],
) -> list[Any]:
    """Run a story on an engine; each step tells its plan, what it did, and what the cloud and the state then hold."""
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
        chapter["state"] = kept(deployment())
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
                steps,
                lambda main: EmbeddedEngine(_program(main), {"memory": MemoryProvider(cloud)}, state),
                cloud,
                lambda: dict(json.loads(state.path.read_text())["deployment"]),
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

            def deployment() -> dict[str, Any]:
                checkpoint = json.loads((Path(name) / "state/.pulumi/stacks/laws/test.json").read_text())["checkpoint"]
                return dict(checkpoint.get("latest") or {})

            return play(steps, engine, cloud, deployment)

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
