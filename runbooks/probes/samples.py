"""What a probe writes down: a line a request in `probe.jsonl`, between a line that begins and one that ends it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from prod_infra.errors import RunbookError

Kind = Literal["write", "read"]

KILLED: Final = "probe.jsonl has no last line: the probe was killed, or is still at work"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One request.

    Attributes:
        at: wall time when it was sent.
        monotonic: seconds of a clock that never jumps, when it was sent; comparable within one probe only.
        kind: `write` or `read`.
        sequence: its number among those of its kind, from 1, in the order of sending.
        status: HTTP status; None where no answer came.
        latency: seconds until the answer, or until it was given up.
        revision: task definition's revision that answered, where the answer says so.
        az: availability zone that answered, likewise.
        error: why no answer came.
    """

    at: datetime
    monotonic: float
    kind: Kind
    sequence: int
    status: int | None
    latency: float
    revision: str = ""
    az: str = ""
    error: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the answer was a 2xx: for a write, that it is acknowledged."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004  HTTP's own numbers

    @property
    def answered(self) -> float:
        """Monotonic second of the answer."""
        return self.monotonic + self.latency

    def line(self) -> str:
        """Return its line of `probe.jsonl`."""
        return json.dumps({**self.__dict__, "at": self.at.isoformat()}) + "\n"


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A probe from begin to end.

    Attributes:
        run: id that its writes carry.
        interval: seconds between two requests of a kind.
        samples: in the order of sending.
        error: why it ended other than by being stopped; empty if it was stopped.
    """

    run: str
    interval: float
    samples: Sequence[Sample]
    error: str = ""


def read_probe(path: Path) -> Probe:
    """Return what a `probe.jsonl` holds; a half line at the end, as a kill leaves it, is passed over.

    Raises:
        RunbookError: a line is not a probe's.
        OSError: there is no such file.
    """
    whole, _, _half = path.read_text(encoding="utf-8").rpartition("\n")
    run, interval, error, samples = "", 0.0, KILLED, []
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            found = json.loads(line)
            match found["kind"]:
                case "begin":
                    run, interval = found["run"], found["interval"]
                case "end":
                    error = found["error"]
                case _:
                    samples.append(Sample(**{**found, "at": datetime.fromisoformat(found["at"])}))
        except (ValueError, TypeError, LookupError) as fault:
            raise RunbookError(
                f"{path}: line {number} is not a probe's ({fault}).",
                hint="`prod-infra records verify` says whether the file was changed after the run",
            ) from fault
    return Probe(run=run, interval=interval, samples=sorted(samples, key=lambda found: found.monotonic), error=error)
