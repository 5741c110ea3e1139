"""Asks an environment over and over from outside while a runbook acts, and writes down every answer at once."""

from __future__ import annotations

import contextlib
import json
import math
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx

from runbooks.probes.measure import Stored
from runbooks.probes.samples import Kind, Probe, Sample, read_probe

_MOST_WORKERS: Final = 32
_LONGEST_ANSWER: Final = 65536
"""Bytes of an answer that are read: what a probe asks for is a line of JSON."""
_PATIENCE: Final = 5
"""Timeouts after which a request that `stop` waits for is hung: httpx bounds each phase of one by a timeout."""


class Prober:
    """Sends a write and a read every `interval` seconds, each bounded by `timeout`, from threads of its own.

    A request that hangs does not hold up the next one: there are as many workers as requests can hang at once. A worker
    that is late skips the ticks it missed, so the times in the samples are those of requests really sent.

    Args:
        client: for the environment's address; the caller closes it after `stop`.
        run: id that the writes carry, so that they can be counted.
        path: of `probe.jsonl`, which must not exist yet.
        write: path to POST `{"run", "sequence"}` to; empty where the app has no such thing.
        read: path to GET; its JSON may name `revision` and `az`. Empty sends no reads.
        interval: seconds between two requests of a kind; 0.02 makes 50 a second.
        timeout: seconds, for each of connecting, sending and waiting for bytes.
    """

    def __init__(
        self,
        client: httpx.Client,
        run: str,
        path: Path,
        *,
        write: str = "/api/probe",
        read: str = "/api/version",
        interval: float = 1.0,
        timeout: float = 2.0,
    ) -> None:
        self.client = client
        self.run = run
        self.path = path
        self.interval = interval
        self.timeout = timeout
        self._paths: dict[Kind, str] = {}
        if write:
            self._paths["write"] = write
        if read:
            self._paths["read"] = read
        self._next_tick = dict.fromkeys(self._paths, 0)
        self._sequence = dict.fromkeys(self._paths, 0)
        self._error = ""
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def start(self) -> Self:
        """Write the first line and begin.

        Raises:
            FileExistsError: there is a probe's file already.
            OSError: it can't be written.
        """
        self._file = self.path.open("x", encoding="utf-8")
        began = {"kind": "begin", "at": datetime.now(UTC).isoformat(), "run": self.run, "interval": self.interval}
        self._put(json.dumps({**began, "timeout": self.timeout, "paths": self._paths}) + "\n")
        self._origin = time.monotonic()
        workers = min(_MOST_WORKERS, math.ceil(self.timeout / self.interval) + 1)
        for kind in self._paths:
            for number in range(workers):
                name = f"probe-{kind}-{number}"
                # A daemon: a probe that nobody stopped must not keep a kernel from leaving.
                self._threads.append(threading.Thread(target=self._work, args=(kind,), name=name, daemon=True))
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> Probe:
        """End it, wait for the requests on their way, and return everything; a second call returns the same.

        A probe that died is told in the result's `error`, and in the file where that can still be written.
        """
        self._stopping.set()
        deadline = time.monotonic() + _PATIENCE * self.timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        hung = [thread.name for thread in self._threads if thread.is_alive()]
        with self._lock:
            if hung:
                self._error = self._error or f"probe died: {', '.join(hung)} never ended"
            if not self._file.closed:
                self._end()
        found = read_probe(self.path)
        return Probe(run=found.run, interval=found.interval, samples=found.samples, error=self._error or found.error)

    def stored(self, attempts: int = 5) -> Stored | str:
        """Ask the app which writes of this run it has; return the reason where it does not say so.

        Args:
            attempts: how often to ask, an interval apart (a second at most).
        """
        path = self._paths.get("write")
        if path is None:
            return "the app offers no write probe"
        why = ""
        for attempt in range(attempts):
            if attempt:
                time.sleep(min(self.interval, 1.0))
            try:
                answer = self.client.get(path, params={"run": self.run}, timeout=5 * self.timeout)
                answer.raise_for_status()
                return Stored.of_answer(answer.json())
            except httpx.HTTPStatusError as error:
                why = f"GET {path} answers {error.response.status_code}"
            except (httpx.HTTPError, ValueError) as error:
                why = f"GET {path}: {type(error).__name__}: {error}"
        return why

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    def _put(self, text: str) -> None:
        self._file.write(text)
        self._file.flush()

    def _end(self) -> None:
        try:
            self._put(json.dumps({"kind": "end", "at": datetime.now(UTC).isoformat(), "error": self._error}) + "\n")
            self._file.close()
        except OSError as full:
            self._error = self._error or f"probe died: {full}"
            with contextlib.suppress(OSError):
                self._file.close()

    def _work(self, kind: Kind) -> None:
        """Send at each tick until told to stop; what is no matter of the network ends the whole probe, aloud."""
        try:
            while not self._stopping.wait(self._until_next_tick(kind)):
                sample = self._ask(kind)
                with self._lock:
                    # After the last line there is no more: stop() gave this request up.
                    if not self._file.closed:
                        self._put(sample.line())
        except Exception as error:  # noqa: BLE001  a thread's exception would end in nothing but a line on stderr
            with self._lock:
                self._error = self._error or f"probe died: {type(error).__name__}: {error}"
            self._stopping.set()

    def _until_next_tick(self, kind: Kind) -> float:
        """Take the next tick and return the seconds until it."""
        with self._lock:
            passed = time.monotonic() - self._origin
            tick = max(self._next_tick[kind], math.ceil(passed / self.interval))
            self._next_tick[kind] = tick + 1
            return max(0.0, tick * self.interval - passed)

    def _ask(self, kind: Kind) -> Sample:
        with self._lock:
            self._sequence[kind] = sequence = self._sequence[kind] + 1
            at, sent = datetime.now(UTC), time.monotonic()
        status, body, error = None, b"", ""
        sending = {"run": self.run, "sequence": sequence} if kind == "write" else None
        method = "POST" if kind == "write" else "GET"
        try:
            with self.client.stream(method, self._paths[kind], json=sending, timeout=self.timeout) as answer:
                for piece in answer.iter_bytes():
                    body += piece
                    if time.monotonic() - sent > self.timeout or len(body) > _LONGEST_ANSWER:
                        raise httpx.ReadTimeout("the answer does not end")
                # Only now: an answer that breaks off is none.
                status = answer.status_code
        except httpx.RequestError as failed:
            error = f"{type(failed).__name__}: {failed}"
        latency = time.monotonic() - sent
        told = _told(body)
        return Sample(
            at=at,
            monotonic=sent,
            kind=kind,
            sequence=sequence,
            status=status,
            latency=latency,
            revision=str(told.get("revision", "")),
            az=str(told.get("az", "")),
            error=error,
        )


def _told(body: bytes) -> dict[str, Any]:
    """Return the answer's JSON, or nothing where it is none."""
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
