"""A plan, its digest, and the word of somebody that exactly this plan may be carried out."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from prod_infra.errors import ApprovalError
from runbooks.core.step import Call, Step, Undo
from runbooks.core.waiting import wait
from runbooks.records.record import write_atomically
from runbooks.records.record_parts import Plan, PlannedCall, PlannedStep, PlannedUndo, RecordModel

FILE: Final = "approval.json"
ANSWER_SECONDS: Final = 1800.0
"""For which a person may think."""

DIGITS: Final = 8
"""Of a digest, that a person has to copy from the plan."""

APPROVER: Final = "PROD_INFRA_APPROVER"
"""Environment variable of the kernel: `terminal` where the engine asks a person for it."""


class Approval(RecordModel):
    """Who approved which plan, when."""

    digest: str
    by: str
    at: datetime


def make_plan(runbook: str, account: str, region: str, steps: Sequence[Step]) -> Plan:
    """Return the plan of the steps; its digest covers all that they will call and all that takes them back."""
    planned = []
    for step in steps:
        undo = step.undo()
        planned.append(
            PlannedStep(
                name=step.name,
                calls=[PlannedCall.model_validate(asdict(call)) for call in step.calls()],
                undo=PlannedUndo.model_validate(asdict(undo)) if undo else None,
            )
        )
    whole = {
        "runbook": runbook,
        "account": account,
        "region": region,
        "steps": [step.model_dump(mode="json") for step in planned],
    }
    canonical = json.dumps(whole, sort_keys=True, separators=(",", ":"))
    return Plan(digest=hashlib.sha256(canonical.encode()).hexdigest(), steps=planned)


def approve(plan: Plan, *, runbook: str, target: str, account: str, wish: str, folder: Path) -> Approval:
    """Return the approval of a plan, asked for where it must be.

    Args:
        plan: that was shown.
        runbook: whose.
        target: `local`, where an empty wish is an approval, or `aws`, where it never is.
        account: that a person has to type on `aws`, after the beginning of the digest.
        wish: the parameter `approve`: empty, `ask`, or the digest of the plan that is approved.
        folder: of the run, where the engine leaves a person's answer.

    Raises:
        ApprovalError: nobody approved it, or another plan was approved.
    """
    command = command_for(runbook, target, plan.digest)
    if wish not in ("", "ask"):
        if wish != plan.digest:
            raise ApprovalError(
                f"Digest {wish} was approved, and this plan's is {plan.digest}. Nothing was changed.",
                hint=f"read the plan above; if it is right: {command}",
            )
        return Approval(digest=plan.digest, by=f"{getpass.getuser()}, by digest", at=datetime.now(UTC))
    if not needs_person(target, wish):
        return Approval(digest=plan.digest, by="automatic on local", at=datetime.now(UTC))
    word = word_for(target, account, plan.digest)
    if os.environ.get(APPROVER) == "terminal":
        answer = wait("somebody to approve the plan", lambda: _answer(folder / FILE), timeout=ANSWER_SECONDS, poll=0.2)
        if answer.digest == plan.digest and answer.by:
            return answer
        raise ApprovalError("The plan was refused. Nothing was changed.")
    from IPython.core.error import StdinNotImplementedError  # noqa: PLC0415  of the kernel; a runner never asks so

    try:
        said = input(f"{question(word)} ")
    except (StdinNotImplementedError, EOFError) as nobody:
        raise ApprovalError(
            f"The plan {plan.digest} needs approval, and nobody can be asked. Nothing was changed.", hint=command
        ) from nobody
    if said.strip() != word:
        raise ApprovalError("The plan was refused. Nothing was changed.")
    return Approval(digest=plan.digest, by=getpass.getuser(), at=datetime.now(UTC))


def command_for(runbook: str, target: str, digest: str) -> str:
    """Return the command that approves a plan by its digest and carries it out."""
    act = "" if target == "local" else "--act "
    return f"`prod-infra runbook run {runbook} {act}--approve {digest}` with the same parameters"


def needs_person(target: str, wish: str) -> bool:
    """Return whether somebody has to be asked: the wish is `ask`, or empty on another target than `local`."""
    return wish == "ask" or (not wish and target != "local")


def word_for(target: str, account: str, digest: str) -> str:
    """Return the words that approve a plan: on `aws` the beginning of its digest and the account, `yes` on `local`."""
    return "yes" if target == "local" else f"{digest[:DIGITS]} {account}"


def question(word: str) -> str:
    """Return what a person is asked; the word approves, anything else refuses."""
    what = "`yes`" if word == "yes" else f"the first {DIGITS} digits of its digest, a blank and this account's id"
    return f"Carry out exactly this plan? Type {what} to approve:"


def answer_in_folder(folder: Path, digest: str, *, by: str) -> None:
    """Leave a person's answer for the kernel; an empty `by` refuses."""
    write_atomically(
        folder / FILE, Approval(digest=digest, by=by, at=datetime.now(UTC)).model_dump_json(indent=2) + "\n"
    )


def _answer(path: Path) -> Approval | None:
    try:
        return Approval.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def plan_lines(plan: Plan, already: Sequence[str], reasons: Mapping[str, str]) -> list[str]:
    """Return a plan as lines for people.

    Args:
        plan: to show.
        already: names of steps that need not be done.
        reasons: why a step without undo has none, by its name.
    """
    lines: list[str] = []
    for number, step in enumerate(plan.steps, 1):
        lines.append(f"{number}. {step.name}" + ("  (so already: will be skipped)" if step.name in already else ""))
        lines += [f"     {Call(**call.model_dump())}" for call in step.calls]
        undo = str(Undo(**step.undo.model_dump())) if step.undo else f"none: {reasons[step.name]}"
        lines.append(f"     undo: {undo}")
    return [*lines, f"digest {plan.digest}"]
