"""CloudWatch metric math: arithmetic, comparisons and the commonest functions, where moto returns its input.

Follows https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from statistics import fmean
from typing import Any, Final, TypeAlias

from prod_infra.local_aws.refusals.refused import Refused

BINARY: Final[Mapping[type[ast.AST], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
UNARY: Final[Mapping[str, Callable[[float], float]]] = {"ABS": abs, "CEIL": math.ceil, "FLOOR": math.floor}
OVER_MANY: Final[Mapping[str, Callable[[list[float]], float]]] = {"SUM": sum, "AVG": fmean, "MIN": min, "MAX": max}


class _NoPoint(Exception):  # noqa: N818  no error: a time without a data point
    """A value that the expression needs is missing at this time."""


Values: TypeAlias = Mapping[str, float | None]


def _name(node: ast.AST, values: Values) -> float:
    assert isinstance(node, ast.Name)  # noqa: S101  the type that PARTS has it under
    if node.id not in values:
        raise _unknown(node)
    if (value := values[node.id]) is None:
        raise _NoPoint
    return value


def _operation(node: ast.AST, values: Values) -> float:
    match node:
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in BINARY:
            return float(BINARY[type(sign)](_value(left, values), _value(right, values)))
        case ast.Compare(left=left, ops=[sign], comparators=[right]) if type(sign) in BINARY:
            return float(BINARY[type(sign)](_value(left, values), _value(right, values)))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, values)
    raise _unknown(node)


def _call(node: ast.AST, values: Values) -> float:
    match node:
        case ast.Call(func=ast.Name(id="IF"), args=[test, then, *rest]) if len(rest) <= 1:
            chosen = [then] if _value(test, values) else rest
            if not chosen:
                raise _NoPoint
            return _value(chosen[0], values)
        case ast.Call(func=ast.Name(id="FILL"), args=[filled, other]):
            try:
                return _value(filled, values)
            except _NoPoint:
                return _value(other, values)
        case ast.Call(func=ast.Name(id=name), args=[operand]) if name in UNARY:
            return float(UNARY[name](_value(operand, values)))
        case ast.Call(func=ast.Name(id=name), args=[ast.List(elts=parts)]) if name in OVER_MANY:
            return float(OVER_MANY[name]([_value(part, values) for part in parts]))
    raise _unknown(node)


def _constant(node: ast.AST, _: Values) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    raise _unknown(node)


PARTS: Final[Mapping[type[ast.AST], Callable[[ast.AST, Values], float]]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.BinOp: _operation,
    ast.Compare: _operation,
    ast.UnaryOp: _operation,
    ast.Call: _call,
}


def _unknown(node: ast.AST) -> Refused:
    return Refused("ValidationError", f"the local AWS can't do this part of a metric expression: {ast.unparse(node)}")


def _value(node: ast.AST, values: Values) -> float:
    if type(node) not in PARTS:
        raise _unknown(node)
    return PARTS[type(node)](node, values)


def evaluate(expression: str, values: Values) -> float | None:
    """Return an expression's value at one time, or None where it has none, as after a division by zero.

    Args:
        expression: such as `100 * errors / requests`.
        values: what each ID is at that time; None where it is missing.

    Raises:
        Refused: ValidationError, for an expression that is none or that uses more than is known here.
    """
    try:
        tree = ast.parse(expression.strip().replace("^", "**"), mode="eval")
    except SyntaxError as error:
        raise Refused("ValidationError", f"{expression!r} is no metric expression") from error
    try:
        return _value(tree.body, values)
    except (_NoPoint, ZeroDivisionError, OverflowError):
        return None


def over_results(expression: str, results: list[dict[str, Any]]) -> tuple[list[float], list[Any]]:
    """Return the values and times of an expression over moto's results of other queries (`id`, `values`, `timestamps`).

    Raises:
        Refused: as `evaluate`.
    """
    series = {each["id"]: dict(zip(each["timestamps"], each["values"], strict=True)) for each in results}
    # In the order of the queries' own answers, which may be newest first.
    times = list(dict.fromkeys(time for each in results for time in each["timestamps"]))
    found = [
        (evaluate(expression, {name: points.get(time) for name, points in series.items()}), time) for time in times
    ]
    kept = [(value, time) for value, time in found if value is not None]
    return [value for value, _ in kept], [time for _, time in kept]
