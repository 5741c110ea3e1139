"""What a plan would destroy for good: refused, resource by resource, until its owner names it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from prod_infra.deployment.engine import Change, ChangeKind, Result
from prod_infra.errors import ApprovalError

HOLDS_DATA: Final[Mapping[str, str]] = {
    "aws:docdb/cluster:Cluster": "the database",
    "aws:docdb/clusterInstance:ClusterInstance": "a database instance: its connections, and a replica until it is back",
    "aws:docdb/clusterSnapshot:ClusterSnapshot": "a backup of the database",
    "aws:ecr/repository:Repository": "every image, and with them the way back to former versions",
    "aws:kms/alias:Alias": "the name under which what is encrypted finds its key",
    "aws:kms/key:Key": "everything encrypted with it",
    "aws:cloudwatch/logGroup:LogGroup": "the logs in it",
    "aws:s3/bucket:Bucket": "its objects: the site, images, access logs, evidence",
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": "the retention of evidence",
    "aws:s3/bucketVersioning:BucketVersioning": "the former versions of objects, from now on",
    "aws:secretsmanager/secret:Secret": "the secret, after its recovery window",
    "random:index/randomId:RandomId": "values that are known to nobody else",
    "random:index/randomPassword:RandomPassword": "the password that the database and the application share",
}
"""By type token: what is lost with a resource that is deleted or replaced."""


@dataclass(frozen=True, kw_only=True)
class BlastRadius:
    """What a plan does, seen from what can't be had back.

    Attributes:
        counts: resources by kind of change, as `Result.counts`.
        lost: replacements and deletions of what holds data, in the plan's order.
        allowed: those of `lost` whose URN the owner named.
        unknown: URNs that were named although the plan loses no data there: a slip, or an old list.
    """

    counts: Mapping[str, int]
    lost: tuple[Change, ...]
    allowed: tuple[Change, ...]
    unknown: tuple[str, ...]

    @property
    def refused(self) -> tuple[Change, ...]:
        """Those of `lost` that nobody has allowed."""
        return tuple(change for change in self.lost if change not in self.allowed)


def blast_radius(result: Result, allowed: Collection[str] = ()) -> BlastRadius:
    """Return what a plan would lose.

    Args:
        result: of a preview.
        allowed: URNs whose replacement or deletion is wanted, each named by itself: there is no "all".
    """
    lost = tuple(
        change
        for change in result.changes
        if change.kind in {ChangeKind.REPLACE, ChangeKind.DELETE} and change.type in HOLDS_DATA
    )
    return BlastRadius(
        counts=result.counts,
        lost=lost,
        allowed=tuple(change for change in lost if change.urn in allowed),
        unknown=tuple(sorted(set(allowed) - {change.urn for change in lost})),
    )


def require_allowed(found: BlastRadius) -> None:
    """Refuse a plan that loses what nobody gave up.

    Raises:
        ApprovalError: every such resource at once, with why it would go and how to allow it; nothing was changed.
    """
    if not found.refused:
        return
    lines = []
    for change in found.refused:
        why = ", ".join(one.path for one in change.properties if one.replaces)
        because = f" (because of {why})" if why else ""
        lines.append(f"\n  - {change.kind.value} {change.urn}{because}: {HOLDS_DATA[change.type]}")
    urns = " ".join(f"--allow-replacement-of {change.urn}" for change in found.refused)
    raise ApprovalError(
        f"The plan would lose data, and nobody has allowed it. Nothing was changed.{''.join(lines)}",
        hint=f"undo the change that causes it; where the loss is meant: {urns}",
    )
