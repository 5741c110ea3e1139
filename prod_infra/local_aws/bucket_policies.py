"""What a bucket's policy says of a request: moto reads it without its conditions, and denies what it should not.

Follows https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html. Every
request counts as one over TLS. An operator that is not known here makes an Allow void and leaves a Deny in force.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

_LIKE: Final[Callable[[str, str], bool]] = fnmatchcase

OPERATORS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "StringEquals": str.__eq__,
    "StringLike": _LIKE,
    "ArnEquals": _LIKE,
    "ArnLike": _LIKE,
    "Bool": lambda value, wanted: value == wanted.lower(),
}
"""How a value is compared with one that is wanted. Each has a `…Not…` form."""

NEGATED: Final = {
    "StringNotEquals": "StringEquals",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_for(principal: Any, kind: str, name: str) -> bool:
    """Return whether a statement's principal includes one such as `Service` `cloudfront.amazonaws.com`."""
    if principal == "*":
        return True
    named = _listed(principal.get(kind, [])) if isinstance(principal, dict) else []
    anyone = _listed(principal.get("AWS", [])) if isinstance(principal, dict) else []
    return name in named or "*" in anyone


def _holds(operator: str, wanted: Mapping[str, Any], context: Mapping[str, str]) -> bool | None:
    """Return whether an operator holds for all its keys; None if it is not known here."""
    plain = operator.removesuffix("IfExists")
    compare = OPERATORS.get(NEGATED.get(plain, plain))
    if compare is None:
        return None
    for key, given in wanted.items():
        value = context.get(key.lower())
        if value is None and operator != plain:
            continue
        # A key that a request does not have equals nothing.
        equals = value is not None and any(compare(value, str(each)) for each in _listed(given))
        if equals == (plain in NEGATED):
            return False
    return True


def verdict(
    policy: Mapping[str, Any] | None, action: str, resource: str, principal: tuple[str, str], source_arn: str = ""
) -> bool | None:
    """Return True if a policy allows a request, False if it denies it, None if it says nothing of it.

    Args:
        policy: of a bucket, or None.
        action: such as `s3:GetObject`.
        resource: ARN of the object or bucket.
        principal: kind and name of who asks, such as `("Service", "cloudfront.amazonaws.com")`.
        source_arn: the resource for which a service asks; empty for none.
    """
    context = {"aws:securetransport": "true"}
    if source_arn:
        context |= {"aws:sourcearn": source_arn, "aws:sourceaccount": source_arn.split(":")[4]}
    allowed = None
    for statement in _listed((policy or {}).get("Statement", [])):
        if not (
            _is_for(statement.get("Principal"), *principal)
            and any(fnmatchcase(action.lower(), each.lower()) for each in _listed(statement.get("Action", [])))
            and any(fnmatchcase(resource, each) for each in _listed(statement.get("Resource", [])))
        ):
            continue
        verdicts = [_holds(name, wanted, context) for name, wanted in (statement.get("Condition") or {}).items()]
        if statement["Effect"] == "Deny" and False not in verdicts:
            return False
        if statement["Effect"] == "Allow" and all(verdicts):
            allowed = True
    return allowed
