"""The real engine's events, as the results and progress that every engine gives."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Final

from pulumi.automation.events import EngineEvent, StepEventMetadata
from pulumi.runtime.rpc import UNKNOWN

from prod_infra.deployment.embedded.provider_resources import is_default_provider
from prod_infra.deployment.engine import Change, ChangeKind, OnProgress, Progress, PropertyChange
from prod_infra.deployment.program.wire import SIGNATURE
from prod_infra.deployment.property_paths import Path, changes, parse, text
from prod_infra.properties import SECRET_MASK, typed

KINDS: Final[Mapping[str, ChangeKind]] = {
    "same": ChangeKind.SAME,
    "read": ChangeKind.SAME,
    "refresh": ChangeKind.SAME,
    "create": ChangeKind.CREATE,
    "import": ChangeKind.CREATE,
    "update": ChangeKind.UPDATE,
    "replace": ChangeKind.REPLACE,
    "create-replacement": ChangeKind.REPLACE,
    "delete-replaced": ChangeKind.DELETE,
    "import-replacement": ChangeKind.REPLACE,
    "delete": ChangeKind.DELETE,
}
"""By the engine's step operation; those that are left out change nothing that a user has."""

SHOWN: Final = {UNKNOWN: "[unknown]"}
"""What the engine writes for a value that only AWS can tell."""


def _shown(value: Any) -> Any:
    if isinstance(value, Mapping):
        return SECRET_MASK if SIGNATURE in value else {key: _shown(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shown(item) for item in value]
    return SHOWN.get(value, value) if isinstance(value, str) else value


def _secret(values: Any, path: Path) -> str:
    """Return the path of the secret that a path leads to, or into; empty if it leads to none."""
    for depth, step in enumerate((*path, "")):
        if values == SECRET_MASK:
            return text(path[:depth])
        try:
            values = values[step]
        except (KeyError, IndexError, TypeError):
            break
    return ""


def _properties(step: StepEventMetadata) -> tuple[PropertyChange, ...]:
    """Return what differs, leaf by leaf; a property that AWS has otherwise than the program ever said counts, too."""
    old, new, was = (
        _shown(values or {})
        for values in (
            step.old.inputs if step.old else None,
            step.new.inputs if step.new else None,
            step.old.outputs if step.old else None,
        )
    )
    detailed = step.detailed_diff or {}
    keys = {str(parse(path)[0]) for path in (*detailed, *(step.diffs or ()))}
    before = {key: old[key] for key in keys if key in old}
    for key in keys & new.keys() & was.keys():
        if old.get(key) == new[key] and SECRET_MASK not in json.dumps(new[key]):
            before[key] = was[key]
    replaces = [path for path, found in detailed.items() if found.diff_kind.value.endswith("-replace")]
    replaces = replaces or list(step.keys or ())
    found = changes(typed(before), typed({key: new[key] for key in keys if key in new}), replaces)
    # The engine shows a secret as a mask, before as after: that it differs is in the paths alone.
    secrets = {_secret(before, parse(path)) for path in detailed or step.diffs or ()}
    secrets &= {_secret(new, parse(path)) for path in detailed or step.diffs or ()}
    return found + tuple(
        PropertyChange(path=path, old=SECRET_MASK, new=SECRET_MASK, replaces=path in replaces)
        for path in sorted(secrets - {""})
    )


class Listener:
    """Gathers what one operation does; its `on_event` is the Automation API's callback.

    Args:
        on_progress: told of each step that changes something.

    Attributes:
        changes: by URN, in the order of the first step.
        failures: by URN, the provider's words.
        violations: by URN, mandatory policies that were broken.
        errors: other errors that the engine told.
        warnings: what it warned of.
    """

    def __init__(self, on_progress: OnProgress | None = None) -> None:
        self._on_progress = on_progress
        self._started: dict[str, float] = {}
        # Each by the URN and ID that it had.
        self._replaced: set[tuple[str, str]] = set()
        self._copies: dict[tuple[str, str], Change] = {}
        self.changes: dict[str, Change] = {}
        self.failures: dict[str, str] = {}
        self.violations: dict[str, str] = {}
        self.errors: list[str] = []
        self.warnings: list[str] = []

    def on_event(self, event: EngineEvent) -> None:
        """Take one event."""
        if event.resource_pre_event:
            self._step(event.resource_pre_event.metadata, "started")
        elif event.res_outputs_event:
            self._step(event.res_outputs_event.metadata, "done")
        elif event.res_op_failed_event:
            self._step(event.res_op_failed_event.metadata, "failed")
        elif (found := event.policy_event) and found.enforcement_level == "mandatory":
            said = f"{found.policy_name}: {found.message.strip()}"
            self.violations[found.resource_urn or "stack"] = said
        elif (told := event.diagnostic_event) and not told.ephemeral:
            message = told.message.strip()
            if told.severity == "error" and told.urn:
                self.failures[told.urn] = "; ".join(filter(None, (self.failures.get(told.urn), message)))
            elif told.severity == "error":
                self.errors.append(message)
            elif told.severity == "warning":
                self.warnings.append(message)

    def _step(self, step: StepEventMetadata, status: str) -> None:
        kind = KINDS.get(step.op)
        if kind is None or is_default_provider(step.urn):
            return
        was = (step.old.urn, step.old.id) if step.old else ("", "")
        if kind is ChangeKind.REPLACE:
            self._replaced.add(was)
        former = self.changes.get(step.urn)
        if former is not None and former.kind is ChangeKind.REPLACE and was in self._replaced:
            kind = ChangeKind.REPLACE
        properties = _properties(step) or (former.properties if former else ())
        change = Change(urn=step.urn, kind=kind, properties=properties if kind is not ChangeKind.SAME else ())
        if step.op == "delete-replaced":
            self._copies[was] = change
        else:
            self.changes[step.urn] = change
        if status == "started":
            self._started[step.urn] = time.monotonic()
        if self._on_progress is None or kind is ChangeKind.SAME:
            return
        seconds = 0.0 if status == "started" else time.monotonic() - self._started.get(step.urn, time.monotonic())
        message = self.failures.get(step.urn, "") if status == "failed" else ""
        self._on_progress(Progress(change=change, status=status, seconds=seconds, message=message))

    @property
    def ordered(self) -> tuple[Change, ...]:
        """Every change, deletions last: also of what is not replaced after all, and of what an earlier run replaced."""
        left = [change for was, change in self._copies.items() if was not in self._replaced]
        return tuple(sorted([*self.changes.values(), *left], key=lambda change: change.kind is ChangeKind.DELETE))
