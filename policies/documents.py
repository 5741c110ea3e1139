"""Policy documents: whom a statement is for, what it lets him do, and on what."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from policies.checks import Check, Props

Statement = Mapping[str, Any]

NARROWING: Final = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "kms:calleraccount",
        "kms:encryptioncontext:aws:logs:arn",
        "s3:dataaccesspointaccount",
        "sts:externalid",
    }
)
"""Condition keys by which AWS itself decides whether a policy is public (S3 guide, "The meaning of public"), and those
by which a service says for whom it acts."""

_OPERATORS: Final = ("stringequals", "stringlike", "arnequals", "arnlike", "ipaddress")
_WORLD: Final = ("0.0.0.0/0", "::/0")


def listed(value: Any) -> list[Any]:
    """Return what a policy document gives as one value or as a list of them."""
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]


def statements(text: Any) -> list[Statement]:
    """Return the statements of a policy document, from its JSON text; none where it has none."""
    parsed = json.loads(text) if isinstance(text, str) and text else {}
    found = listed(parsed.get("Statement")) if isinstance(parsed, dict) else []
    return [statement for statement in found if isinstance(statement, dict)]


def allows(check: Callable[[Statement], bool], must: str, key: str = "policy") -> Check:
    """Return the check that no Allow of the policy at `key` is one that `check` finds."""

    def over(props: Props) -> Iterator[str]:
        for index, statement in enumerate(statements(props.get(key))):
            if statement.get("Effect") == "Allow" and check(statement):
                yield f"{key}: statement {index} {must}"

    return over


def _means_someone(value: Any) -> bool:
    """Whether a condition's value says who or whose, not just anyone's."""
    text = str(value)
    if text in _WORLD or not text.strip("*?"):
        return False
    parts = text.split(":", 5)
    if parts[0] == "arn" and len(parts) > 5:  # noqa: PLR2004  arn:partition:service:region:account:resource
        # An S3 bucket's ARN has no account; then its name must say whose.
        return not set("*?") & set(parts[4]) if parts[4] else not parts[5].startswith(("*", "?"))
    return True


def narrowed(statement: Statement) -> bool:
    """Whether a statement's conditions say for whom it is; all of them must hold, so one is enough."""
    for operator, keys in (statement.get("Condition") or {}).items():
        name = operator.lower().rpartition(":")[2]
        if name not in _OPERATORS or not isinstance(keys, dict):
            continue
        for key, values in keys.items():
            if key.lower() in NARROWING and listed(values) and all(map(_means_someone, listed(values))):
                return True
    return False


def anyone(statement: Statement) -> bool:
    """Whether a statement is for everybody, without a condition that says who."""
    principal = statement.get("Principal")
    named = principal.values() if isinstance(principal, dict) else [principal]
    everybody = "NotPrincipal" in statement or any("*" in listed(who) for who in named)
    return everybody and not narrowed(statement)


def may(statement: Statement, action: str) -> bool:
    """Whether a statement's actions cover one, wildcards as IAM reads them: `s3:Get*` covers `s3:GetObject`."""
    if "NotAction" in statement:
        return not any(fnmatchcase(action.lower(), str(one).lower()) for one in listed(statement["NotAction"]))
    return any(fnmatchcase(action.lower(), str(one).lower()) for one in listed(statement.get("Action")))


def _is_broad(resource: str) -> bool:
    parts = resource.split(":", 5)
    if len(parts) < 6:  # noqa: PLR2004  no ARN
        return not resource.strip("*?")
    if parts[2] == "s3":
        return not parts[5].partition("/")[0].strip("*?")
    return re.fullmatch(r"([a-z-]+[/:])?[*?/:]*", parts[5]) is not None


def everywhere(statement: Statement) -> bool:
    """Whether a statement names no resource: `*`, all of a kind such as `…:key/*`, or all but some."""
    return "NotResource" in statement or any(_is_broad(str(resource)) for resource in listed(statement.get("Resource")))


def document(*, key: str = "policy", **statement: Any) -> Mapping[str, Any]:
    """Return an example: properties with a policy of one statement at `key`; None leaves a part of it out."""
    good = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    parts = {name: value for name, value in {**good, **statement}.items() if value is not None}
    return {key: json.dumps({"Version": "2012-10-17", "Statement": [parts]})}
