"""Sums over writes, so that two sides can compare what they have without sending it all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from itertools import pairwise


def digest(items: Iterable[object]) -> str:
    """Return the SHA-256, in hex, of the items' texts, each followed by a line feed."""
    return hashlib.sha256("".join(f"{item}\n" for item in items).encode()).hexdigest()


def missing(sequences: Sequence[int]) -> list[tuple[int, int]]:
    """Return the first and last number of each gap, from 1 on, in ascending sequence numbers."""
    return [(before + 1, after - 1) for before, after in pairwise([0, *sequences]) if after > before + 1]
