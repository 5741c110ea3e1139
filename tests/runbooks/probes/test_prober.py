"""The probe against a small app of the standard library that can be told to fail, hang and forget."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from runbooks.probes.measure import Stored, measured
from runbooks.probes.prober import Prober
from runbooks.probes.samples import KILLED, Probe, read_probe


class App(ThreadingHTTPServer):
    """Counts writes and tells them again.

    Attributes:
        stored: sequences by run.
        down: while it is set, every answer is 503.
        hanging: while it is set, answers wait.
        endless: while it is set, answers come a byte at a time and never end.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.stored: dict[str, list[int]] = {}
        self.down = threading.Event()
        self.hanging = threading.Event()
        self.endless = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that hung up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: App

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """Say nothing."""

    def _answer(self, status: int, body: Any) -> None:
        while self.server.hanging.is_set():
            time.sleep(0.02)
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text) + (10**6 if self.server.endless.is_set() else 0)))
        self.end_headers()
        self.wfile.write(text)
        while self.server.endless.is_set():
            self.wfile.write(b" ")
            self.wfile.flush()
            time.sleep(0.02)

    def do_POST(self) -> None:
        """Store a write."""
        found = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.down.is_set():
            self._answer(503, {})
            return
        self.server.stored.setdefault(found["run"], []).append(found["sequence"])
        self._answer(200, {})

    def do_GET(self) -> None:
        """Tell the version, or what is stored."""
        if self.server.down.is_set():
            self._answer(503, {})
            return
        address = urlsplit(self.path)
        if address.path == "/api/version":
            self._answer(200, {"revision": "7", "az": "eu-central-1a"})
            return
        stored = self.server.stored.get(parse_qs(address.query)["run"][0], [])
        self._answer(200, {"count": len(stored), "sequences": stored})


@pytest.fixture
def app() -> Iterator[App]:
    """A running app."""
    with App() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.hanging.clear()
        server.endless.clear()
        server.shutdown()
        thread.join()


@pytest.fixture
def client(app: App) -> Iterator[httpx.Client]:
    """A client of the app."""
    with httpx.Client(base_url=f"http://127.0.0.1:{app.server_port}", trust_env=False) as found:
        yield found


def wait_for(path: Path, count: int, kind: str = "") -> None:
    """Wait until the file has that many samples of a kind, or fail."""
    for _ in range(1000):
        if sum(f'"kind": "{kind}' in line for line in path.read_text().splitlines()) >= count:
            return
        time.sleep(0.01)
    raise AssertionError(path.read_text())


def test_every_request_is_a_line_at_once(client: httpx.Client, tmp_path: Path) -> None:
    """Lines are in the file while the probe runs: sequence from 1, status, latency, and what a read names."""
    path = tmp_path / "probe.jsonl"
    with Prober(client, "run-1", path, interval=0.05):
        wait_for(path, 5, "write")
        wait_for(path, 5, "read")
    probe = read_probe(path)
    writes = [found for found in probe.samples if found.kind == "write"]
    assert [found.sequence for found in writes] == list(range(1, len(writes) + 1))
    assert all(found.succeeded and found.latency > 0 for found in probe.samples)
    assert {(found.revision, found.az) for found in probe.samples if found.kind == "read"} == {("7", "eu-central-1a")}
    assert (probe.run, probe.interval, probe.error) == ("run-1", 0.05, "")


def test_no_write_path_means_no_write_probe(client: httpx.Client, tmp_path: Path) -> None:
    """An empty write path probes reads only, and what is stored is told as the reason."""
    prober = Prober(client, "r", tmp_path / "p", write="", interval=0.02).start()
    wait_for(tmp_path / "p", 3, "read")
    probe = prober.stop()
    assert {found.kind for found in probe.samples} == {"read"}
    assert measured(probe, prober.stored()).rpo_why == "the app offers no write probe"


def test_survives_an_app_that_is_down_and_gone(app: App, client: httpx.Client, tmp_path: Path) -> None:
    """Answers of 503 and refused connections are samples, not the end of the probe."""
    path = tmp_path / "p"
    prober = Prober(client, "r", path, read="", interval=0.02).start()
    wait_for(path, 2, "write")
    app.down.set()
    wait_for(path, len(path.read_text().splitlines()) + 5, "write")
    app.shutdown()
    app.server_close()
    prober.client = httpx.Client(base_url="http://127.0.0.1:1", trust_env=False)
    wait_for(path, len(path.read_text().splitlines()) + 5, "write")
    prober.client.close()
    probe = prober.stop()
    assert {found.status for found in probe.samples} == {200, 503, None}
    assert any("ConnectError" in found.error for found in probe.samples)
    assert probe.error == ""


@pytest.mark.parametrize("fault", ["hanging", "endless"])
def test_requests_are_bounded_and_hold_up_no_other(app: App, client: httpx.Client, tmp_path: Path, fault: str) -> None:
    """While answers hang or never end, requests go out at each tick all the same, and each is given up."""
    path = tmp_path / "p"
    prober = Prober(client, "r", path, read="", interval=0.1, timeout=0.5).start()
    wait_for(path, 3, "write")
    getattr(app, fault).set()
    # Those sent after the first that was given up were sent while others hung.
    wait_for(path, 12, "write")
    getattr(app, fault).clear()
    probe = prober.stop()
    given_up = [found for found in probe.samples if "ReadTimeout" in found.error]
    assert len(given_up) >= 3
    assert any(former.monotonic < later.monotonic < former.answered for former in given_up for later in given_up), (
        "requests waited for one another"
    )


def test_fifty_a_second_are_unique_and_ordered(client: httpx.Client, tmp_path: Path) -> None:
    """At a 20 ms interval sequences rise with the time of sending, none twice, and the app has every one."""
    path = tmp_path / "p"
    prober = Prober(client, "r", path, interval=0.02).start()
    wait_for(path, 100, "write")
    probe = prober.stop()
    writes = [found for found in probe.samples if found.kind == "write"]
    assert [found.sequence for found in writes] == list(range(1, len(writes) + 1))
    assert prober.stored() == Stored(count=len(writes), sequences=frozenset(found.sequence for found in writes))


def test_a_lost_acknowledged_write_is_counted(app: App, client: httpx.Client, tmp_path: Path) -> None:
    """What the app forgets after having acknowledged it is the RPO."""
    path = tmp_path / "p"
    prober = Prober(client, "r", path, read="", interval=0.02).start()
    wait_for(path, 10, "write")
    probe = prober.stop()
    del app.stored["r"][4:7]
    assert measured(probe, prober.stored()).rpo == 3


def test_app_that_does_not_tell_leaves_rpo_unmeasured(app: App, client: httpx.Client, tmp_path: Path) -> None:
    """Without an answer to what is stored, RPO is None with the reason, never zero."""
    path = tmp_path / "p"
    prober = Prober(client, "r", path, read="", interval=0.02).start()
    wait_for(path, 3, "write")
    probe = prober.stop()
    app.down.set()
    found = measured(probe, prober.stored(attempts=2))
    assert (found.rpo, found.rpo_seconds, found.rpo_why) == (None, None, "GET /api/probe answers 503")


def test_a_probe_that_dies_says_so(client: httpx.Client, tmp_path: Path) -> None:
    """What is no matter of the network ends the probe, in the file and in the result; nothing is measured by it."""
    path = tmp_path / "p"
    prober = Prober(client, "r", path, interval=0.02).start()
    wait_for(path, 3, "write")
    prober.client = None  # type: ignore[assignment]  # a defect of ours
    for thread in prober._threads:
        thread.join(5)
    probe = prober.stop()
    assert probe.error.startswith("probe died: AttributeError")
    assert read_probe(path).error == probe.error
    found = measured(probe, "not asked")
    assert (found.rto_seconds, found.rto_why, found.probe_error) == (None, probe.error, probe.error)


def test_a_killed_probe_is_told_from_a_stopped_one(client: httpx.Client, tmp_path: Path) -> None:
    """A file without its last line, and with half a sample, is read as far as it is whole, and as killed."""
    path = tmp_path / "p"
    prober = Prober(client, "r", path, read="", interval=0.02).start()
    wait_for(path, 5, "write")
    prober.stop()
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:4]) + lines[4][:20])
    probe = read_probe(path)
    assert len(probe.samples) == 3
    assert probe.error == KILLED


def test_stop_is_repeatable_and_a_second_probe_needs_its_own_file(client: httpx.Client, tmp_path: Path) -> None:
    """A second stop returns the same; a file that is there is never written over."""
    prober = Prober(client, "r", tmp_path / "p", interval=0.02).start()
    first = prober.stop()
    assert prober.stop() == first
    with pytest.raises(FileExistsError):
        Prober(client, "r", tmp_path / "p").start()


def test_injected_outage_is_the_measured_one(app: App, client: httpx.Client, tmp_path: Path) -> None:
    """The RTO is the time the app was down, within the resolution that is stated with it."""
    path = tmp_path / "p"
    prober = Prober(client, "r", path, interval=0.05).start()
    wait_for(path, 5, "write")
    action = datetime.now(UTC)
    began = time.monotonic()
    app.down.set()
    wait_for(path, len(path.read_text().splitlines()) + 15, "")
    app.down.clear()
    lasted = time.monotonic() - began
    wait_for(path, len(path.read_text().splitlines()) + 6, "")
    probe: Probe = prober.stop()
    found = measured(probe, prober.stored(), since=action)
    assert found.rto_seconds is not None
    assert found.resolution_seconds is not None
    slowest = max(sample.latency for sample in probe.samples)
    assert abs(found.rto_seconds - lasted) <= found.resolution_seconds + slowest
    assert (found.rto_by, found.rpo) == ("write", 0)
    assert len(found.windows) == 1
