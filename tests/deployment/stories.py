"""The stories: programs, what is done with each, and what somebody does to the cloud meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import pulumi

from tests.deployment.memory_cloud import Cloud, Group, Thing

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


def moved(fixed: int, *, free: bool) -> Callable[[], None]:
    """A program of a thing that is deleted first, and another that is anchored to it, or no more in the program."""

    def main() -> None:
        first = Thing("a", {"value": 0, "fixed": fixed}, Options(delete_before_replace=True))
        if not free:
            Thing("b", {"value": 0, "fixed": 0, "anchor": first.id})

    return main


def together(fixed: int, *, first: bool) -> Callable[[], None]:
    """A program of a thing, one that goes with it, and one that is replaced with it."""

    def main() -> None:
        thing = Thing("a", {"value": 0, "fixed": fixed}, Options(delete_before_replace=first))
        Thing("b", {"value": 0, "fixed": 0}, Options(deleted_with=thing))
        Thing("c", {"value": 0, "fixed": 0}, Options(replace_with=[thing]))

    return main


def claimed() -> None:
    """A program in which two things have the same alias."""
    for name in "bc":
        Thing(name, {"value": 0, "fixed": 0}, Options(aliases=[pulumi.Alias(name="a")]))


def explicit(name: str) -> Callable[[], None]:
    """A program with a provider of its own, configured as the default one."""

    def main() -> None:
        provider = pulumi.ProviderResource("memory", name, {"zone": "one"})
        Thing("a", {"value": 0, "fixed": 0}, Options(provider=provider))

    return main


def regrouped() -> None:
    """A program of a thing in a component that was renamed."""
    Thing("a", {"value": 0, "fixed": 0}, Options(parent=Group("h", _formerly("g"))))


def thing(name: str, fixed: int, opts: Options | None = None) -> Callable[[], None]:
    """A program of one thing of that name."""

    def main() -> None:
        Thing(name, {"value": 0, "fixed": fixed}, opts)

    return main


def component(type_: str, name: str, props: dict[str, Any] | None = None) -> Callable[[], None]:
    """A program of one component."""

    def main() -> None:
        pulumi.ComponentResource(type_, name, props)

    return main


def described(value: Any) -> Callable[[], None]:
    """A program of a component with inputs."""
    return component("memory:index:Described", "d", {"value": value})


def looked_up(*, needed: bool = True) -> Callable[[], None]:
    """A program that looks a thing up which somebody else has made."""

    def main() -> None:
        if needed:
            Thing("x", {}, Options(id="id-aaaaaaaaaaaa"))
        Thing("a", {"value": 0, "fixed": 0})

    return main


def secret() -> None:
    """A program with a secret."""
    thing = Thing("a", {"value": 0, "fixed": 0, "secret": pulumi.Output.secret("hunter2!")})
    pulumi.export("arn", thing.arn)
    pulumi.export("hidden", pulumi.Output.secret("hunter2!"))


def other_secret() -> None:
    """A program with another secret in the same place."""
    one(secret=pulumi.Output.secret("hunter3!"))()


def hidden() -> None:
    """A program whose thing has a secret list."""
    one(items=pulumi.Output.secret([1]))()


def nothing() -> None:
    """An empty program."""


def drift(cloud: Cloud) -> None:
    """Somebody changes the first thing by hand."""
    next(iter(cloud.things.values()))["value"] = 99


def foreign(cloud: Cloud) -> None:
    """Somebody makes a thing by hand."""
    cloud.things["id-aaaaaaaaaaaa"] = {"name": "x", "value": 7, "fixed": 0}


def first_loss(cloud: Cloud) -> None:
    """Somebody deletes the first thing by hand."""
    cloud.things.pop(next(iter(cloud.things)))


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
    "refreshed after the loss of what another needs": [Step(pair()), Step(pair(), "refresh", before=first_loss)],
    "secrets": [Step(secret), Step(secret), Step(other_secret)],
    "an output that becomes secret": [Step(one()), Step(one(0, Options(additional_secret_outputs=["arn"])))],
    "an input that becomes secret": [Step(one(items=[1])), Step(hidden)],
    "ignored along paths": [
        Step(one(items={"x": [{"p": 1, "q": 1}], "y.z": 1, "w": 1})),
        Step(
            one(
                0,
                Options(ignore_changes=["items.x[*].p", 'items["y.z"]', "items.w[", "items.none[0]"]),
                items={"x": [{"p": 2, "q": 2}], "y.z": 2, "w": 2},
            )
        ),
        Step(one(9, Options(ignore_changes=["*"]), items={"new": 1})),
    ],
    "a path that can't be read": [Step(one(1)), Step(one(2, Options(replace_on_changes=["value["])))],
    "a timeout that can't be read": [Step(one(0, Options(custom_timeouts=pulumi.CustomTimeouts(create="soon"))))],
    "renamed by alias and replaced": [
        Step(one()),
        Step(thing("b", 1, Options(aliases=[pulumi.Alias(name="a")]))),
    ],
    "a component renamed": [
        Step(in_group()),
        Step(regrouped),
    ],
    "one state claimed by two": [Step(one()), Step(claimed)],
    "a component's inputs changed": [Step(described(1)), Step(described(1)), Step(described(2))],
    "a component in the place of a resource, and back": [
        Step(one()),
        Step(component("memory:index:Thing", "a")),
        Step(one()),
    ],
    "an explicit provider": [Step(one()), Step(explicit("p")), Step(explicit("q")), Step(one())],
    "looked up and let go": [Step(looked_up(), before=foreign), Step(looked_up(needed=False))],
    "looked up, then managed": [
        Step(looked_up(), before=foreign),
        Step(thing("x", 0)),
    ],
    "a dependent that is gone when it would be replaced": [Step(moved(0, free=False)), Step(moved(1, free=True))],
    "with what is replaced": [Step(together(0, first=False)), Step(together(1, first=False))],
    "with what is deleted first": [Step(together(0, first=True)), Step(together(1, first=True))],
    "an old copy that could not be deleted": [
        Step(one()),
        Step(thing("a", 1), before=lambda cloud: _refuse(cloud, "a", "delete")),
        Step(thing("a", 1)),
    ],
}


class RefusedError(Exception):
    """What the cloud answers once."""


def _formerly(name: str) -> Options:
    return Options(aliases=[pulumi.Alias(name=name)])


def _refuse(cloud: Cloud, name: str, step: str = "create") -> None:
    """Let the cloud refuse the next step of that kind on a thing."""

    def on_call(operation: str, props: dict[str, Any]) -> None:
        if operation == step and str(props["name"]).startswith(name):
            cloud.on_call = None
            raise RefusedError("not today")

    cloud.on_call = on_call
