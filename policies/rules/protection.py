"""What holds data is not deleted by a mistake in the program."""

from __future__ import annotations

from collections.abc import Iterator

from pulumi_policy import PolicyResource

from policies.graph import Stack
from policies.rule import WELL_ARCHITECTED, Absent, Node, Severity, StackRule
from policies.tokens import BUCKET, DOCDB_CLUSTER, KMS_KEY, SECRET


def _protected(resource: PolicyResource, stack: Stack) -> Iterator[str]:
    del stack
    if not resource.opts.protect:
        yield "the option protect is not on; a renamed or lost line of the program would delete it"


DATA_PROTECTED = StackRule(
    id="data-protected",
    title="Pulumi refuses to delete what holds data, or the keys to it",
    why="A rename in the program is a deletion to Pulumi: the database, the objects and what keys encrypted would go.",
    severity=Severity.HIGH,
    on=(*DOCDB_CLUSTER, *BUCKET, *KMS_KEY, *SECRET),
    keys=("options.protect",),
    absent=Absent(means="Pulumi deletes what the program no longer names"),
    fix="Keep Settings.protect_data=True.",
    controls={WELL_ARCHITECTED: ("REL09-BP01",)},
    check=_protected,
    passes=tuple((Node(token, "data", protect=True),) for token in (*DOCDB_CLUSTER, *BUCKET, *KMS_KEY, *SECRET)),
    fails=tuple((Node(token, "data"),) for token in (*DOCDB_CLUSTER, *BUCKET, *KMS_KEY, *SECRET)),
    lacks=(Node(DOCDB_CLUSTER[0], "data"),),
)

RULES = (DATA_PROTECTED,)
