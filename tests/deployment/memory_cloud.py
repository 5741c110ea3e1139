"""A small cloud in memory, or in a folder where it outlives a killed process, with a Pulumi provider for it."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
from pulumi.provider.experimental import provider as rpc

from prod_infra.properties import Props, Values, plain, typed

REPLACE_ON = frozenset({"fixed", "anchor"})


class CloudError(Exception):
    """What the cloud refuses."""


class Cloud:
    """Things by ID. As in AWS, a thing needs what it refers to, and what is referred to can't be deleted."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self.things: dict[str, Props] = {}
        self.calls: list[tuple[str, str]] = []
        self.on_call: Callable[[str, Props], None] | None = None
        self.kill_at: tuple[int, str] | None = None
        self._lock = threading.Lock()
        for file in sorted(folder.glob("*.json")) if folder else ():
            self.things[file.stem] = json.loads(file.read_text())

    def _save(self, thing_id: str) -> None:
        if self.folder:
            file = self.folder / f"{thing_id}.json"
            if thing_id in self.things:
                file.with_suffix(".new").write_text(json.dumps(self.things[thing_id]))
                file.with_suffix(".new").replace(file)
            else:
                file.unlink()

    def call(self, operation: str, thing_id: str, act: Callable[[], None], props: Props) -> None:
        """Do one mutation; dies before or after it where a test asked for that."""
        if self.on_call:
            self.on_call(operation, props)
        with self._lock:
            number = len(self.calls)
            self.calls.append((operation, thing_id or str(props.get("name"))))
            if self.kill_at == (number, "before"):
                os.kill(os.getpid(), signal.SIGKILL)
            act()
            if self.kill_at == (number, "after"):
                os.kill(os.getpid(), signal.SIGKILL)

    def create(self, props: Props) -> str:
        """Make a thing whose name is free and whose needs exist."""
        thing_id = f"id-{os.urandom(6).hex()}"

        def act() -> None:
            missing = {*props.get("needs", ()), *filter(None, [props.get("anchor")])} - self.things.keys()
            if missing:
                raise CloudError(f"{props['name']} needs {missing}, which do not exist")
            if any(other["name"] == props["name"] for other in self.things.values()):
                raise CloudError(f"the name {props['name']} is taken")
            self.things[thing_id] = dict(props)
            self._save(thing_id)

        self.call("create", "", act, props)
        return thing_id

    def update(self, thing_id: str, props: Props) -> None:
        """Change a thing in place."""

        def act() -> None:
            missing = set(props.get("needs", ())) - self.things.keys()
            if missing:
                raise CloudError(f"{props['name']} needs {missing}, which do not exist")
            if any(self.things[thing_id].get(key) != props.get(key) for key in REPLACE_ON):
                raise CloudError("this can't change in place")
            self.things[thing_id] = dict(props)
            self._save(thing_id)

        self.call("update", thing_id, act, props)

    def delete(self, thing_id: str) -> None:
        """Delete a thing that nothing needs; one that is gone already is no error.

        What has a name of its own may go although others need it, as long as they can be changed in place: Pulumi
        deletes it before it is replaced and changes them afterwards.
        """

        def act() -> None:
            lenient = str(self.things.get(thing_id, {}).get("name", "")).startswith("only-")
            users = [
                other["name"]
                for other in self.things.values()
                if thing_id == other.get("anchor") or (thing_id in other.get("needs", ()) and not lenient)
            ]
            if users:
                raise CloudError(f"{thing_id} is in use by {users}")
            if self.things.pop(thing_id, None) is not None:
                self._save(thing_id)

        self.call("delete", thing_id, act, self.things.get(thing_id, {}))


class MemoryProvider(rpc.Provider):
    """Pulumi's package `memory`: `Thing` with a generated name, `Unique` with a name of its own."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.lookups = 0

    def _state(self, thing_id: str, given: Values) -> dict[str, Any]:
        state = {**self.cloud.things[thing_id], "arn": f"arn:{thing_id}"}
        return typed(state, {key for key, value in given.items() if value.contains_secret()})

    async def check(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        """Fill in the name, and refuse what the cloud has no word for."""
        inputs = plain(request.new_inputs)
        name = request.urn.split("::")[3]
        generated = f"{name}-{request.random_seed[:4].hex()}"
        old = plain(request.old_inputs).get("name")
        inputs.setdefault("name", old or generated)
        failures = [
            rpc.CheckFailure(key, "no such property")
            for key in sorted(inputs.keys() - {"name", "value", "fixed", "anchor", "needs", "secret", "items"})
        ]
        # What is secret stays so.
        return rpc.CheckResponse({**typed(inputs), **request.new_inputs}, failures)

    async def diff(self, request: rpc.DiffRequest) -> rpc.DiffResponse:
        """Compare all inputs with the state."""
        old, new = plain(request.old_state), plain(request.new_inputs)
        old.pop("arn", None)
        changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
        replaces = [key for key in changed if key in REPLACE_ON or key == "name"]
        unique = request.urn.split("::")[2].endswith("Unique")
        return rpc.DiffResponse(
            changes=bool(changed), diffs=changed, replaces=replaces, delete_before_replace=unique and bool(replaces)
        )

    async def create(self, request: rpc.CreateRequest) -> rpc.CreateResponse:
        """Make the thing."""
        if request.preview:
            return rpc.CreateResponse("", dict(request.properties))
        thing_id = self.cloud.create(plain(request.properties))
        return rpc.CreateResponse(thing_id, self._state(thing_id, {}))

    async def update(self, request: rpc.UpdateRequest) -> rpc.UpdateResponse:
        """Change the thing."""
        if request.preview:
            return rpc.UpdateResponse(dict(request.news))
        self.cloud.update(request.resource_id, plain(request.news))
        return rpc.UpdateResponse(self._state(request.resource_id, {}))

    async def delete(self, request: rpc.DeleteRequest) -> None:
        """Delete the thing."""
        self.cloud.delete(request.resource_id)

    async def read(self, request: rpc.ReadRequest) -> rpc.ReadResponse:
        """Say what the cloud has."""
        if request.resource_id not in self.cloud.things:
            return rpc.ReadResponse()
        state = self._state(request.resource_id, {})
        return rpc.ReadResponse(request.resource_id, state, {k: v for k, v in state.items() if k != "arn"})

    async def invoke(self, request: rpc.InvokeRequest) -> rpc.InvokeResponse:
        """Answer `memory:index:count`."""
        self.lookups += 1
        return rpc.InvokeResponse(typed({"count": len(self.cloud.things), **plain(request.args)}))


class RecoveringProvider(MemoryProvider):
    """Finds by its name what a killed create made."""

    async def recover(self, urn: str, inputs: Values) -> str | None:
        """Return the ID of the thing with that name."""
        del urn
        name = plain(inputs)["name"]
        return next((thing_id for thing_id, thing in self.cloud.things.items() if thing["name"] == name), None)


class Thing(pulumi.CustomResource):
    """A thing with a generated name."""

    arn: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        props: dict[str, Any] | None = None,
        opts: pulumi.ResourceOptions | None = None,
        kind: str = "Thing",
    ) -> None:
        super().__init__(f"memory:index:{kind}", name, {"arn": None, **(props or {})}, opts)


class Group(pulumi.ComponentResource):
    """A component."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("memory:index:Group", name, None, opts)


@dataclass(frozen=True)
class Node:
    """One resource of a generated program; `needs` and `anchor` are names of earlier ones."""

    name: str
    value: int = 0
    fixed: int = 0
    unique: bool = False
    needs: tuple[str, ...] = ()
    anchor: str = ""


@dataclass(frozen=True)
class NodeProgram:
    """A program that registers nodes; it can be sent to another process."""

    nodes: Sequence[Node] = field(default_factory=tuple)

    def __call__(self) -> None:
        """Register the nodes."""
        made: dict[str, Thing] = {}
        for node in self.nodes:
            props: dict[str, Any] = {
                "value": node.value,
                "fixed": node.fixed,
                "secret": pulumi.Output.secret("hunter2!"),
            }
            if node.needs:
                props["needs"] = [made[name].id for name in node.needs]
            if node.anchor:
                props["anchor"] = made[node.anchor].id
            if node.unique:
                props["name"] = f"only-{node.name}"
            made[node.name] = Thing(node.name, props, kind="Unique" if node.unique else "Thing")
        pulumi.export("arns", [thing.arn for thing in made.values()])


def expected(nodes: Sequence[Node]) -> set[tuple[Any, ...]]:
    """Return what the cloud must hold after `up`, IDs translated to names."""
    return {(n.name, n.value, n.fixed, frozenset(n.needs), n.anchor) for n in nodes}


def held(cloud: Cloud) -> set[tuple[Any, ...]]:
    """Return what the cloud holds in the terms of `expected`; two of one kind count as a third."""

    def name(thing_id: str) -> str:
        full: str = cloud.things[thing_id]["name"]
        return full.removeprefix("only-") if full.startswith("only-") else full.rsplit("-", 1)[0]

    found = [
        (
            name(i),
            t["value"],
            t["fixed"],
            frozenset(map(name, t.get("needs", ()))),
            name(t["anchor"]) if "anchor" in t else "",
        )
        for i, t in cloud.things.items()
    ]
    return set(found) if len(set(found)) == len(found) else {*found, ("twice",)}
