"""One order for the resources of a program, whatever order its tasks happened to run in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter


def needed_first(needs: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the URNs so that each comes after what it needs; those that could come at the same place by name.

    Args:
        needs: URNs that a resource needs, by its URN; those that are no keys themselves don't count.
    """
    sorter = TopologicalSorter(
        {urn: [need for need in sorted(needed) if need in needs] for urn, needed in needs.items()}
    )
    sorter.prepare()
    found: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        found += ready
        sorter.done(*ready)
    return found
