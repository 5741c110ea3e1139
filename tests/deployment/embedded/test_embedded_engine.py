"""What the embedded engine does with a stack, one behaviour at a time."""

from __future__ import annotations

import json
from pathlib import Path

import pulumi
import pytest
from pulumi.provider.experimental import provider as rpc

from prod_infra.deployment.engine import ChangeKind, Progress, Result
from prod_infra.errors import DeploymentError, InvalidInputError, ProdInfraError
from tests.deployment.memory_cloud import Cloud, CloudError, Group, MemoryProvider, Node, Thing
from tests.deployment.sandbox import PASSPHRASE, engine, state_file

Options = pulumi.ResourceOptions


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the passphrase that the sandbox sets back after each test."""
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", PASSPHRASE)


@pytest.fixture
def cloud() -> Cloud:
    """An empty cloud."""
    return Cloud()


def by_name(result: Result) -> dict[str, ChangeKind]:
    """What happened to each resource but the stack."""
    return {change.name: change.kind for change in result.changes if change.name != "laws-test"}


def named(cloud: Cloud, prefix: str) -> list[str]:
    """IDs of the things whose name begins so."""
    return [thing_id for thing_id, thing in cloud.things.items() if thing["name"].startswith(prefix)]


def test_exports_are_returned_kept_and_masked(cloud: Cloud, tmp_path: Path) -> None:
    """The result of `up` and `outputs()` say the same, and neither says a secret."""

    def main() -> None:
        pulumi.export("open", Thing("a", {"value": 1}).arn.apply(lambda arn: arn[:4]))
        pulumi.export("hidden", pulumi.Output.secret("hunter2!"))

    deployed = engine(main, cloud, tmp_path)
    assert deployed.up().outputs == {"open": "arn:", "hidden": "[secret]"}
    assert deployed.outputs() == {"open": "arn:", "hidden": "[secret]"}


def test_preview_changes_neither_cloud_nor_disk(cloud: Cloud, tmp_path: Path) -> None:
    """A preview of a new stack leaves no call, and no file but the one that was there."""
    deployed = engine([Node("a"), Node("b", needs=("a",))], cloud, tmp_path)
    before = (tmp_path / "test.json").read_bytes()
    assert by_name(deployed.preview()) == {"a": ChangeKind.CREATE, "b": ChangeKind.CREATE}
    assert not cloud.calls
    assert [file.name for file in tmp_path.iterdir()] == ["test.json"]
    assert (tmp_path / "test.json").read_bytes() == before


def test_an_update_names_the_properties_that_differ(cloud: Cloud, tmp_path: Path) -> None:
    """Old and new values by path, secrets masked."""
    engine(lambda: Thing("a", {"items": [{"x": 1}], "secret": pulumi.Output.secret("old!!")}), cloud, tmp_path).up()
    changed = engine(
        lambda: Thing("a", {"items": [{"x": 2}], "secret": pulumi.Output.secret("new!!")}), cloud, tmp_path
    )
    change = next(change for change in changed.preview().changes if change.name == "a")
    assert {(p.path, p.old, p.new, p.replaces) for p in change.properties} == {
        ("items[0].x", 1, 2, False),
        ("secret", "[secret]", "[secret]", False),
    }


def test_a_replacement_is_made_before_the_old_one_goes(cloud: Cloud, tmp_path: Path) -> None:
    """Create, move the dependents, delete: nobody is without it in between."""
    engine([Node("a"), Node("b", needs=("a",))], cloud, tmp_path).up()
    cloud.calls.clear()
    result = engine([Node("a", fixed=1), Node("b", needs=("a",))], cloud, tmp_path).up()
    assert by_name(result) == {"a": ChangeKind.REPLACE, "b": ChangeKind.UPDATE}
    assert [operation for operation, _ in cloud.calls] == ["create", "update", "delete"]


def test_delete_before_replace_takes_dependents_along(cloud: Cloud, tmp_path: Path) -> None:
    """What is anchored to the old one goes first, and both come again."""
    engine([Node("a", unique=True), Node("b", anchor="a")], cloud, tmp_path).up()
    cloud.calls.clear()
    result = engine([Node("a", unique=True, fixed=1), Node("b", anchor="a")], cloud, tmp_path).up()
    assert by_name(result) == {"a": ChangeKind.REPLACE, "b": ChangeKind.REPLACE}
    assert [operation for operation, _ in cloud.calls] == ["delete", "delete", "create", "create"]


def test_an_old_copy_that_a_failed_run_left_does_not_block_a_replacement(cloud: Cloud, tmp_path: Path) -> None:
    """It is anchored to what must go first, so it goes before it."""

    def refuse(operation: str, props: dict[str, object]) -> None:
        if operation == "delete":
            raise CloudError(f"{props['name']} can't be deleted today")

    engine([Node("a", unique=True), Node("b", anchor="a")], cloud, tmp_path).up()
    cloud.on_call = refuse
    with pytest.raises(DeploymentError, match="today"):
        engine([Node("a", unique=True), Node("b", fixed=1, anchor="a")], cloud, tmp_path).up()
    assert len(named(cloud, "b-")) == 2
    cloud.on_call = None
    engine([Node("a", unique=True, fixed=1), Node("b", fixed=1, anchor="a")], cloud, tmp_path).up()
    assert len(cloud.things) == 2


def test_the_option_delete_before_replace_wins_over_the_provider(cloud: Cloud, tmp_path: Path) -> None:
    """The program knows better whether two can stand side by side."""

    def program(fixed: int) -> None:
        Thing("a", {"fixed": fixed}, Options(delete_before_replace=True))

    engine(lambda: program(0), cloud, tmp_path).up()
    cloud.calls.clear()
    engine(lambda: program(1), cloud, tmp_path).up()
    assert [operation for operation, _ in cloud.calls] == ["delete", "create"]


def test_ignored_changes_are_left_alone(cloud: Cloud, tmp_path: Path) -> None:
    """Whole properties, nested ones and wildcards keep the values of the first time."""

    def program(value: int) -> None:
        props = {"value": value, "items": [{"x": value, "y": 0}]}
        Thing("a", props, Options(ignore_changes=["value", "items[*].x"]))

    engine(lambda: program(1), cloud, tmp_path).up()
    assert not engine(lambda: program(2), cloud, tmp_path).up().has_changes


def test_replace_on_changes_replaces_what_could_change_in_place(cloud: Cloud, tmp_path: Path) -> None:
    """The option adds to what the provider says."""

    def program(value: int) -> None:
        Thing("a", {"value": value}, Options(replace_on_changes=["value"]))

    engine(lambda: program(1), cloud, tmp_path).up()
    assert by_name(engine(lambda: program(2), cloud, tmp_path).up()) == {"a": ChangeKind.REPLACE}


def test_an_alias_renames_without_touching_the_cloud(cloud: Cloud, tmp_path: Path) -> None:
    """A resource that moved under a component under another name is the same; so is what depends on it."""

    def before() -> None:
        moved = Thing("old", {"value": 1})
        Thing("user", {"needs": [moved.id]})

    def after() -> None:
        group = Group("group")
        alias = pulumi.Alias(name="old", parent=pulumi.ROOT_STACK_RESOURCE)
        moved = Thing("new", {"value": 1, "name": None}, Options(parent=group, aliases=[alias]))
        Thing("user", {"needs": [moved.id]})

    engine(before, cloud, tmp_path).up()
    cloud.calls.clear()
    result = engine(after, cloud, tmp_path).up()
    assert by_name(result) == {"group": ChangeKind.CREATE, "new": ChangeKind.SAME, "user": ChangeKind.SAME}
    assert not cloud.calls


def test_what_depends_on_a_renamed_resource_goes_with_it(cloud: Cloud, tmp_path: Path) -> None:
    """Renamed and deleted before it is replaced, all in one run: the dependent is known by the new name."""

    def program(name: str, fixed: int, aliases: list[pulumi.Alias]) -> None:
        base = Thing(name, {"name": "only-base", "fixed": fixed}, Options(aliases=aliases), kind="Unique")
        Thing("user", {"anchor": base.id})

    engine(lambda: program("old", 0, []), cloud, tmp_path).up()
    result = engine(lambda: program("new", 1, [pulumi.Alias(name="old")]), cloud, tmp_path).up()
    assert by_name(result) == {"new": ChangeKind.REPLACE, "user": ChangeKind.REPLACE}


def test_a_provider_that_ends_in_an_odd_way_is_a_failed_step(cloud: Cloud, tmp_path: Path) -> None:
    """sys.exit and cancellation included: nothing may wait for ever."""

    def leave(operation: str, props: dict[str, object]) -> None:
        raise SystemExit(f"{operation} {len(props)}")

    cloud.on_call = leave
    with pytest.raises(DeploymentError, match="SystemExit"):
        engine([Node("a"), Node("b", needs=("a",))], cloud, tmp_path).up()


def test_an_alias_of_a_component_carries_its_children(cloud: Cloud, tmp_path: Path) -> None:
    """Children whose name begins with the parent's are found under its old name."""

    def program(name: str, aliases: list[pulumi.Alias]) -> None:
        Thing(f"{name}-child", {"value": 1}, Options(parent=Group(name, Options(aliases=aliases))))

    engine(lambda: program("old", []), cloud, tmp_path).up()
    result = engine(lambda: program("new", [pulumi.Alias(name="old")]), cloud, tmp_path).up()
    assert by_name(result) == {"new": ChangeKind.SAME, "new-child": ChangeKind.SAME}


def test_protected_resources_stop_everything_that_would_delete_them(cloud: Cloud, tmp_path: Path) -> None:
    """Destroy, removal and replacement name all of them before anything is done."""

    def program(fixed: int) -> None:
        Thing("a", {"fixed": fixed}, Options(protect=True))
        Thing("b", {}, Options(protect=True))

    deployed = engine(lambda: program(0), cloud, tmp_path)
    deployed.up()
    cloud.calls.clear()
    with pytest.raises(DeploymentError, match="protect=False") as destroyed:
        deployed.destroy()
    assert {urn.split("::")[-1] for urn in destroyed.value.failures} == {"a", "b"}
    with pytest.raises(DeploymentError, match="::b: it is protected"):
        engine(lambda: Thing("a", {"fixed": 0}, Options(protect=True)), cloud, tmp_path).up()
    with pytest.raises(DeploymentError, match="::a: it must be replaced"):
        engine(lambda: program(1), cloud, tmp_path).up()
    assert not cloud.calls


def test_protection_can_be_lifted_and_the_resource_replaced_in_one_go(cloud: Cloud, tmp_path: Path) -> None:
    """As in Pulumi, the program's word counts, not the state's."""
    engine(lambda: Thing("a", {"fixed": 0}, Options(protect=True)), cloud, tmp_path).up()
    assert by_name(engine([Node("a", fixed=1)], cloud, tmp_path).up()) == {"a": ChangeKind.REPLACE}


def test_retained_resources_leave_the_state_and_stay_in_the_cloud(cloud: Cloud, tmp_path: Path) -> None:
    """retain_on_delete: the provider is not asked to delete."""
    engine(lambda: Thing("a", {}, Options(retain_on_delete=True)), cloud, tmp_path).up()
    engine([], cloud, tmp_path).up()
    assert len(cloud.things) == 1
    assert "Thing::a" not in (tmp_path / "test.json").read_text()


def test_deleted_with_spares_the_call(cloud: Cloud, tmp_path: Path) -> None:
    """What goes with another one is not deleted by itself."""

    def main() -> None:
        Thing("b", {}, Options(deleted_with=Thing("a")))

    engine(main, cloud, tmp_path).up()
    cloud.calls.clear()
    engine([], cloud, tmp_path).up()
    assert [operation for operation, _ in cloud.calls] == ["delete"]


def test_secret_inputs_and_additional_secret_outputs_are_secret_in_the_state(cloud: Cloud, tmp_path: Path) -> None:
    """Neither the value nor what the provider returns for it is anywhere in the files."""

    def main() -> None:
        thing = Thing("a", {"secret": pulumi.Output.secret("hunter2!")}, Options(additional_secret_outputs=["arn"]))
        pulumi.export("arn", thing.arn)

    result = engine(main, cloud, tmp_path).up()
    assert result.outputs == {"arn": "[secret]"}
    text = "".join(file.read_text() for file in tmp_path.iterdir())
    assert "hunter2!" not in text
    assert "arn:id-" not in text


def test_every_fault_is_found_before_anything_is_made(cloud: Cloud, tmp_path: Path) -> None:
    """Unknown properties of all resources and a type that no provider knows come in one error."""

    def main() -> None:
        Thing("good")
        Thing("a", {"colour": 1, "taste": 2})
        Thing("b", {"colour": 1})
        pulumi.CustomResource("other:index:Thing", "c", {})

    with pytest.raises(InvalidInputError) as error:
        engine(main, cloud, tmp_path).up()
    assert len(error.value.faults) == 4
    assert "colour: no such property" in str(error.value)
    assert "No provider here knows other:index:Thing" in str(error.value)
    assert not cloud.calls


def test_a_failed_step_keeps_what_was_made_and_the_next_up_goes_on(cloud: Cloud, tmp_path: Path) -> None:
    """The error names the resource and the provider's words; nothing is deleted in a run that failed."""

    def refuse(operation: str, props: dict[str, object]) -> None:
        if operation == "create" and str(props["name"]).startswith("b-"):
            raise CloudError("no room for hunter2!")

    engine([Node("gone")], cloud, tmp_path).up()
    cloud.on_call = refuse
    nodes = [Node("a"), Node("b", needs=("a",)), Node("c", needs=("b",))]
    with pytest.raises(DeploymentError, match="no room for") as error:
        engine(nodes, cloud, tmp_path).up()
    assert [urn.split("::")[-1] for urn in error.value.failures] == ["b"]
    assert "hunter2!" not in str(error.value)
    assert len(named(cloud, "a-")) == len(named(cloud, "gone-")) == 1
    cloud.on_call = None
    result = engine(nodes, cloud, tmp_path).up()
    assert by_name(result) == {
        "a": ChangeKind.SAME,
        "b": ChangeKind.CREATE,
        "c": ChangeKind.CREATE,
        "gone": ChangeKind.DELETE,
    }


def test_a_resource_that_was_made_but_not_finished_is_kept_and_mended(cloud: Cloud, tmp_path: Path) -> None:
    """A provider's error may carry the ID of what it made: it belongs in the state."""

    class HalfDone(MemoryProvider):
        async def create(self, request: rpc.CreateRequest) -> rpc.CreateResponse:
            made = await super().create(request)
            error = CloudError("the second call failed")
            error.resource_id, error.properties = made.resource_id, made.properties  # type: ignore[attr-defined]
            raise error

    with pytest.raises(DeploymentError, match="the second call failed"):
        engine([Node("a")], cloud, tmp_path, provider=HalfDone(cloud)).up()
    assert by_name(engine([Node("a")], cloud, tmp_path).up()) == {"a": ChangeKind.UPDATE}
    assert len(cloud.things) == 1
    assert not engine([Node("a")], cloud, tmp_path).up().has_changes


def test_a_failing_program_deletes_nothing(cloud: Cloud, tmp_path: Path) -> None:
    """A program that stops half way has not said what it no longer wants."""
    engine([Node("a"), Node("b")], cloud, tmp_path).up()

    def main() -> None:
        Thing("a", {"value": 0, "fixed": 0, "secret": pulumi.Output.secret("hunter2!")})
        raise ValueError("half way")

    with pytest.raises(ProdInfraError, match=r"test_embedded_engine.py:\d+: ValueError: half way"):
        engine(main, cloud, tmp_path).up()
    assert len(cloud.things) == 2


def test_refresh_reports_drift_and_up_mends_it(cloud: Cloud, tmp_path: Path) -> None:
    """What was changed or deleted behind the stack's back is seen, put into the state, and put right."""
    deployed = engine([Node("a", value=1), Node("b"), Node("c", needs=("b",))], cloud, tmp_path)
    deployed.up()
    cloud.things[named(cloud, "a-")[0]]["value"] = 9
    del cloud.things[named(cloud, "b-")[0]]
    found = deployed.refresh()
    assert by_name(found) == {"a": ChangeKind.UPDATE, "b": ChangeKind.DELETE, "c": ChangeKind.SAME}
    drift = next(change for change in found.changes if change.name == "a").properties
    assert [(p.path, p.old, p.new) for p in drift] == [("value", 1, 9)]
    assert by_name(deployed.up()) == {"a": ChangeKind.UPDATE, "b": ChangeKind.CREATE, "c": ChangeKind.UPDATE}
    assert cloud.things[named(cloud, "a-")[0]]["value"] == 1


def test_a_lookup_is_recorded_and_never_changed(cloud: Cloud, tmp_path: Path) -> None:
    """`.get` finds what is there, destroy leaves it, and a missing one is a clear error."""
    cloud.things["id-1"] = {"name": "theirs", "value": 5}

    def main(resource_id: str) -> None:
        found = Thing("theirs", {"value": None}, Options(id=resource_id))
        Thing("mine", {"needs": [found.id]})

    deployed = engine(lambda: main("id-1"), cloud, tmp_path)
    deployed.up()
    assert not deployed.up().has_changes
    deployed.destroy()
    assert list(cloud.things) == ["id-1"]
    with pytest.raises(ProdInfraError, match="there is no such thing"):
        engine(lambda: main("id-2"), cloud, tmp_path).up()


def test_invokes_reach_the_provider_and_stay_unknown_while_their_arguments_are(cloud: Cloud, tmp_path: Path) -> None:
    """A lookup by something that is not made yet waits for `up`."""
    provider = MemoryProvider(cloud)

    def main() -> None:
        thing = Thing("a")
        found = pulumi.runtime.invoke_output("memory:index:count", {"of": thing.arn})
        pulumi.export("count", found.apply(lambda answer: answer["count"]))

    deployed = engine(main, cloud, tmp_path, provider=provider)
    assert deployed.preview().outputs == {"count": "[unknown]"}
    assert provider.lookups == 0
    assert deployed.up().outputs == {"count": 1}


def test_an_explicit_provider_is_a_resource_and_may_not_differ(cloud: Cloud, tmp_path: Path) -> None:
    """Configured as the stack it works; otherwise the error names the property."""

    class Explicit(pulumi.ProviderResource):
        def __init__(self, name: str, zone: str) -> None:
            super().__init__("memory", name, {"zone": zone})

    def main(zone: str) -> None:
        Thing("a", {}, Options(provider=Explicit("mine", zone)))

    deployed = engine(lambda: main("one"), cloud, tmp_path)
    assert by_name(deployed.up()) == {"mine": ChangeKind.CREATE, "a": ChangeKind.CREATE}
    assert not deployed.up().has_changes
    with pytest.raises(InvalidInputError, match="memory:zone can't be set for one provider alone"):
        engine(lambda: main("two"), cloud, tmp_path).up()


def test_what_the_engine_does_not_do_is_refused_with_the_way_out(cloud: Cloud, tmp_path: Path) -> None:
    """Imports and transforms, for two."""
    with pytest.raises(ProdInfraError, match="import_"):
        engine(lambda: Thing("a", {}, Options(import_="id-1")), cloud, tmp_path).up()
    with pytest.raises(ProdInfraError, match="resource transforms"):
        engine(lambda: Thing("a", {}, Options(transforms=[lambda _: None])), cloud, tmp_path).up()


def test_progress_tells_of_every_step_one_at_a_time(cloud: Cloud, tmp_path: Path) -> None:
    """Started and done for each, from whichever thread."""
    told: list[Progress] = []
    engine([Node(name) for name in "abcdef"], cloud, tmp_path).up(told.append)
    assert sorted((p.change.name, p.status) for p in told) == sorted(
        (name, status) for name in "abcdef" for status in ("started", "done")
    )


def test_the_state_is_one_that_pulumi_takes(cloud: Cloud, tmp_path: Path) -> None:
    """As its own check demands: what a resource refers to comes before it, and its provider has an ID."""

    def main() -> None:
        group = Group("group")
        first = Thing("a", {"value": 1}, Options(parent=group))
        Thing("b", {"needs": [first.id]}, Options(depends_on=[group]))

    engine(main, cloud, tmp_path).up()
    found = json.loads((tmp_path / "test.json").read_text())
    assert found["version"] == 3
    seen: set[str] = set()
    for resource in found["deployment"]["resources"]:
        listed = [urn for urns in resource.get("propertyDependencies", {}).values() for urn in urns]
        provider = [resource["provider"].rpartition("::")[0]] if "provider" in resource else []
        parent = [resource["parent"]] if "parent" in resource else []
        assert seen.issuperset([*resource.get("dependencies", ()), *listed, *provider, *parent])
        seen.add(resource["urn"])
    default = next(r for r in found["deployment"]["resources"] if r["type"] == "pulumi:providers:memory")
    assert default["id"]
    assert default["inputs"] == {"zone": "one"}


def test_the_previous_state_is_kept_as_a_backup(cloud: Cloud, tmp_path: Path) -> None:
    """Whatever an operation does to the state, the one before is beside it."""
    engine([Node("a")], cloud, tmp_path).up()
    before = (tmp_path / "test.json").read_text()
    engine([Node("b")], cloud, tmp_path).up()
    assert (tmp_path / "test.json.bak").read_text() == before


def test_one_of_two_operations_at_once_is_refused(cloud: Cloud, tmp_path: Path) -> None:
    """The second `up` says who holds the stack, and does nothing."""
    refused: list[str] = []

    def second(operation: str, props: dict[str, object]) -> None:
        del operation, props
        with pytest.raises(ProdInfraError, match=r"locked by up, process \d+ on") as error:
            engine([Node("b")], Cloud(), tmp_path).up()
        refused.append(str(error.value))

    cloud.on_call = second
    engine([Node("a")], cloud, tmp_path).up()
    assert len(refused) == 1
    assert state_file(tmp_path).load()[0]
