"""What stays in the stack's own account: the principals that policies admit, and where data and alarms go."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from pulumi_policy import PolicyResource
from pulumi_policy.proxy import UnknownValueError

from policies.documents import document, listed, statements
from policies.graph import Stack, known
from policies.rule import UNKNOWN, WELL_ARCHITECTED, Absent, Example, Node, Severity, StackRule
from policies.rules.rights import trust
from policies.tokens import (
    BUCKET_POLICY,
    BUCKET_REPLICATION,
    ECR_REPLICATION,
    IAM_ROLE,
    KMS_GRANT,
    KMS_KEY,
    LOG_SUBSCRIPTION,
    METRIC_ALARM,
    PEERING,
    RESOURCE_POLICY,
)

_ACCOUNT = re.compile(r"(?<=[:\"])\d{12}(?=[:\"])")
_DOCUMENTS = ("policy", "assumeRolePolicy")


def _texts(resource: PolicyResource) -> Iterator[str]:
    yield from (text for key in _DOCUMENTS if isinstance(text := known(resource, key), str))


_NAMING = (*RESOURCE_POLICY, *IAM_ROLE)


def _own(stack: Stack) -> str:
    """Return the account of which the stack's policies speak most; empty where they name none."""
    texts = (text for other in stack.of(_NAMING) for text in _texts(other))
    accounts = Counter(found for text in texts for found in _ACCOUNT.findall(text))
    return accounts.most_common(1)[0][0] if accounts else ""


def _own_account(resource: PolicyResource, stack: Stack) -> Iterator[str]:
    own = _own(stack)
    for text in _texts(resource):
        for index, statement in enumerate(statements(text)):
            principal = statement.get("Principal")
            named = listed(principal.get("AWS")) if isinstance(principal, dict) else []
            foreign = [who for who in named if set(_ACCOUNT.findall(f'"{who}"')) - {own}]
            if statement.get("Effect") == "Allow" and foreign:
                yield f"statement {index} admits another account than the one that the stack's policies speak of"


def _admits(account: str, token: str = BUCKET_POLICY[0]) -> Node:
    return Node(token, "it", document(Principal={"AWS": f"arn:aws:iam::{account}:root"}))


_KEYS = tuple(
    Node(KMS_KEY[0], name, document(Principal={"AWS": "arn:aws:iam::123456789012:root"})) for name in ("a", "b")
)

OWN_ACCOUNT = StackRule(
    id="principals-own-account",
    title="Policies admit principals of one account, the stack's own",
    why="Whoever owns the other account decides who reads; a digit mistyped, and it is a stranger.",
    severity=Severity.HIGH,
    on=_NAMING,
    keys=_DOCUMENTS,
    absent=Absent(means="AWS admits nobody of another account", passes=True),
    fix="Take the account from prod_infra.operations.account.account_of; a partner's needs a waiver.",
    controls={WELL_ARCHITECTED: ("SEC03-BP07",)},
    check=_own_account,
    passes=((*_KEYS, _admits("123456789012")), (*_KEYS, Node(IAM_ROLE[0], "role", trust()))),
    fails=(
        (*_KEYS, _admits("999999999999")),
        (*_KEYS, Node(IAM_ROLE[0], "role", trust(Principal={"AWS": ["999999999999"]}))),
    ),
    lacks=(Node(BUCKET_POLICY[0], "it"),),
)

_OUTWARD: Final[Mapping[str, str]] = {
    METRIC_ALARM[0]: "alarmActions",
    KMS_GRANT[0]: "granteePrincipal",
    LOG_SUBSCRIPTION[0]: "destinationArn",
    BUCKET_REPLICATION[0]: "rules",
    ECR_REPLICATION[0]: "replicationConfiguration",
    PEERING[0]: "peerOwnerId",
}
"""By type, the property that says to whom something goes."""


def _strings(value: Any) -> Iterator[str]:
    """Yield the texts in a value; what AWS has yet to decide is of the stack's own resources."""
    if isinstance(value, str):
        yield value
        return
    keys = list(value) if isinstance(value, Mapping) else range(len(value)) if isinstance(value, Sequence) else ()
    for key in keys:
        with suppress(UnknownValueError):
            yield from _strings(value[key])


def _outward(resource: PolicyResource, stack: Stack) -> Iterator[str]:
    key = _OUTWARD[resource.resource_type]
    named = {account for text in _strings(known(resource, key)) for account in _ACCOUNT.findall(f'"{text}"')}
    if named - {_own(stack)}:
        yield f"{key} names another account than the one that the stack's policies speak of"


def _goes(token: str, value: Any) -> Example:
    return (*_KEYS, Node(token, "it", {_OUTWARD[token]: value}))


STAYS_IN_ACCOUNT = StackRule(
    id="stays-in-own-account",
    title="Alarms, logs, images, objects and grants stay in the stack's own account",
    why="Whoever owns the other account has the data, and nobody here would see him read it.",
    severity=Severity.HIGH,
    on=tuple(_OUTWARD),
    keys=tuple(_OUTWARD.values()),
    absent=Absent(means="it goes nowhere", passes=True),
    fix="Name a resource of this account; a log archive of another one needs a waiver.",
    controls={WELL_ARCHITECTED: ("SEC03-BP07",)},
    check=_outward,
    passes=(_goes(METRIC_ALARM[0], [UNKNOWN]), _goes(KMS_GRANT[0], "arn:aws:iam::123456789012:role/one")),
    fails=(
        _goes(METRIC_ALARM[0], ["arn:aws:sns:eu-central-1:999999999999:topic"]),
        _goes(KMS_GRANT[0], "arn:aws:iam::999999999999:root"),
        _goes(LOG_SUBSCRIPTION[0], "arn:aws:logs:eu-central-1:999999999999:destination:x"),
        _goes(BUCKET_REPLICATION[0], [{"destination": {"account": "999999999999"}}]),
        _goes(ECR_REPLICATION[0], {"rules": [{"destinations": [{"registryId": "999999999999"}]}]}),
        _goes(PEERING[0], "999999999999"),
    ),
    lacks=(Node(KMS_GRANT[0], "it"),),
)

RULES = (OWN_ACCOUNT, STAYS_IN_ACCOUNT)
