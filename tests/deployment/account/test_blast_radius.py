"""Blast radius: what holds data is neither replaced nor deleted unless its owner has named it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prod_infra.deployment.account.blast_radius import HOLDS_DATA, blast_radius, require_allowed
from prod_infra.deployment.engine import Change, ChangeKind, PropertyChange, Result
from prod_infra.errors import ApprovalError

LOSING = {ChangeKind.REPLACE, ChangeKind.DELETE}
TYPES = [*HOLDS_DATA, "aws:ec2/eip:Eip", "aws:lb/listener:Listener", "prod_infra:data:DocDb"]


def change(kind: ChangeKind, type_: str = "aws:docdb/cluster:Cluster", name: str = "prod-docdb") -> Change:
    """A change of one resource in a component."""
    return Change(urn=f"urn:pulumi:prod::prod-infra::prod_infra:data:Group${type_}::{name}", kind=kind)


@st.composite
def results(draw: st.DrawFn) -> Result:
    """A preview of any changes, each of its own URN."""
    kinds = draw(st.lists(st.tuples(st.sampled_from(list(ChangeKind)), st.sampled_from(TYPES)), max_size=12))
    found = (change(kind, token, f"r{n}") for n, (kind, token) in enumerate(kinds))
    return Result(operation="preview", changes=tuple(found))


@given(results(), st.data())
def test_refused_is_exactly_what_is_lost_and_not_named(result: Result, data: st.DataObject) -> None:
    """A loss is refused if and only if its URN was not named, whatever else the plan holds."""
    urns = [one.urn for one in result.changes]
    named = set(data.draw(st.lists(st.sampled_from(urns)))) if urns else set()
    found = blast_radius(result, named)
    lost = {one.urn for one in result.changes if one.kind in LOSING and one.type in HOLDS_DATA}
    assert {one.urn for one in found.lost} == lost
    assert {one.urn for one in found.refused} == lost - named
    assert set(found.unknown) == named - lost
    assert found.counts == result.counts


@given(results())
def test_naming_everything_lets_every_plan_pass(result: Result) -> None:
    """With each loss named the plan passes; with none named it passes only if nothing is lost."""
    require_allowed(blast_radius(result, [one.urn for one in result.changes]))
    bare = blast_radius(result)
    if bare.lost:
        with pytest.raises(ApprovalError) as caught:
            require_allowed(bare)
        assert all(one.urn in str(caught.value) for one in bare.lost)
    else:
        require_allowed(bare)


def test_a_replacement_says_which_property_causes_it() -> None:
    """The reader sees what to undo, and the exact option that allows the loss."""
    cause = (PropertyChange(path="kmsKeyId", old="a", new="b", replaces=True), PropertyChange(path="tags"))
    lost = Change(urn=change(ChangeKind.REPLACE).urn, kind=ChangeKind.REPLACE, properties=cause)
    with pytest.raises(ApprovalError, match=r"because of kmsKeyId\)") as caught:
        require_allowed(blast_radius(Result(operation="preview", changes=(lost,))))
    assert f"--allow-replacement-of {lost.urn}" in caught.value.hint


def test_an_update_in_place_is_no_loss() -> None:
    """Only what goes away is counted."""
    result = Result(operation="preview", changes=(change(ChangeKind.UPDATE), change(ChangeKind.CREATE)))
    assert not blast_radius(result).lost
