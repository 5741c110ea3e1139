"""What the cells published, put where the record keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from runbooks.records.record import Record
from runbooks.records.record_parts import CheckRecord, Measured, Objectives, Plan

_OF_PLAN: Final = set(Plan.model_fields)


def fill(record: Record, published: Mapping[str, Any]) -> None:
    """Put published sections into a record.

    `target`, `plan`, `steady_state_before`, `steady_state_after`, `objectives` and `measured` have places of their own;
    every other one is a result, and so is the rest of `target`.

    Args:
        record: to put them in.
        published: data by section.
    """
    results = dict(published)
    if target := results.get("target"):
        record.account, record.caller = target["account_id"], target["caller"]
    if plan := results.pop("plan", None):
        record.plan = Plan.model_validate({name: value for name, value in plan.items() if name in _OF_PLAN})
    for when in ("before", "after"):
        if (found := results.pop(f"steady_state_{when}", None)) is not None:
            setattr(record.steady_state, when, [CheckRecord.model_validate(check) for check in found["checks"]])
    if objectives := results.pop("objectives", None):
        record.objectives = Objectives.model_validate(objectives)
    if measured := results.pop("measured", None):
        record.measured = Measured.model_validate(measured)
    record.results = results
