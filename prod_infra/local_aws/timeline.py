"""What the local AWS does by itself as time passes: deployments that go on, failovers that end, faults that expire.

Work that is due runs in order, under the same lock as the calls, before the next call and at least every 20 ms.
"""

from __future__ import annotations

import heapq
import itertools
import sys
import time
import traceback
from collections.abc import Callable
from typing import Final

DEFAULT_FACTOR: Final = 60.0
"""A minute of AWS takes a second."""

TICK_SECONDS: Final = 0.02


class Timeline:
    """Work for later. Waits are given in AWS's seconds and pass `factor` times faster; timestamps are the real time.

    Attributes:
        factor: AWS's seconds in one second here; a change counts for work that is planned after it.
    """

    def __init__(self) -> None:
        self.factor = DEFAULT_FACTOR
        self._numbers = itertools.count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []

    def after(self, seconds: float, work: Callable[[], None], *, real: bool = False) -> None:
        """Plan work.

        Args:
            seconds: of AWS's time, from now; of real time if `real`.
            work: called once, with the data of the calls to itself; work that is void by then must see that itself.
            real: for what a person has set in seconds of the clock on the wall.
        """
        delay = seconds if real else seconds / self.factor
        heapq.heappush(self._due, (time.monotonic() + delay, next(self._numbers), work))

    @property
    def is_due(self) -> bool:
        """Whether there is work to do now."""
        return bool(self._due) and self._due[0][0] <= time.monotonic()

    def run_due(self) -> None:
        """Do what is due, oldest first; what fails is told on stderr and holds up nothing else."""
        while self.is_due:
            _, _, work = heapq.heappop(self._due)
            try:
                work()
            except Exception:  # noqa: BLE001  one broken event must not stop the others
                traceback.print_exc(file=sys.stderr)

    def clear(self) -> None:
        """Forget all planned work."""
        self._due.clear()


TIMELINE: Final = Timeline()
"""The one of this process, as moto's backends are."""
