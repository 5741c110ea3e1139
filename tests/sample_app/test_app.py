"""The sample application by itself, on a database in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prod_infra.sample_app.app import Identity, Request, SampleApp
from prod_infra.sample_app.database import Credentials, DatabaseUnavailableError, LoginRefusedError
from prod_infra.sample_app.digest import digest, missing

ENVIRONMENT = {
    "DATABASE_HOST": "db.test",
    "DATABASE_PORT": "27018",
    "DATABASE_USERNAME": "admin",
    "DATABASE_PASSWORD": "hunter2!",
}


class Memory:
    """A database in memory; `failure` is raised by every call."""

    def __init__(self) -> None:
        self.writes: list[tuple[str, int]] = []
        self.failure: Exception | None = None
        self.credentials: Credentials | None = None

    def connect(self, credentials: Credentials) -> Memory:
        """Be the database for anyone."""
        self.credentials = credentials
        return self

    def _check(self) -> None:
        if self.failure:
            raise self.failure

    def write(self, run: str, sequence: int) -> None:
        """Store a write."""
        self._check()
        self.writes.append((run, sequence))

    def sequences(self, run: str) -> Sequence[int]:
        """Return a run's."""
        self._check()
        return [sequence for name, sequence in self.writes if name == run]

    def everything(self, until: datetime | None = None) -> Iterable[tuple[str, int]]:
        """Return all; nothing is as old as a moment that is asked for."""
        self._check()
        if until:
            return []
        return self.writes


@pytest.fixture
def memory() -> Memory:
    """An empty database."""
    return Memory()


@pytest.fixture
def app(memory: Memory) -> SampleApp:
    """The application on it."""
    return SampleApp(Identity(revision="app:1", az="eu-central-1a", task="t1"), ENVIRONMENT, memory.connect)


def ask(app: SampleApp, method: str, path: str, body: Any = None, **query: str) -> tuple[HTTPStatus, dict[str, Any]]:
    """Ask and return status and JSON."""
    answer = app.answer(Request(method=method, path=path, query=query, body=json.dumps(body).encode() if body else b""))
    return answer.status, json.loads(answer.content)


def test_it_says_who_answers(app: SampleApp) -> None:
    """Revision, zone and task are in every answer."""
    assert ask(app, "GET", "/api/version") == (200, {"revision": "app:1", "az": "eu-central-1a", "task": "t1"})
    assert ask(app, "GET", "/healthz")[0] == ask(app, "GET", "/api/health")[0] == 200
    assert ask(app, "GET", "/api/nothing")[0] == ask(app, "DELETE", "/api/probe")[0] == 404


def test_it_reads_its_database_from_the_environment(app: SampleApp, memory: Memory) -> None:
    """The names are those that the deployed task definition sets; the password is not shown."""
    assert ask(app, "GET", "/healthz")[0] == 200
    assert memory.credentials == Credentials(host="db.test", port=27018, username="admin", password="hunter2!")
    assert "hunter2!" not in repr(memory.credentials)


def test_a_write_that_is_sent_twice_counts_once(app: SampleApp) -> None:
    """A retry of a write whose answer was lost must not look like a second write."""
    for sequence in (2, 1, 2, 4):
        assert ask(app, "POST", "/api/probe", {"run": "r", "sequence": sequence})[0] == 201
    assert ask(app, "PUT", "/api/probe", {"run": "other", "sequence": 9})[0] == 201
    _, found = ask(app, "GET", "/api/probe", run="r")
    assert (found["count"], found["last"], found["missing"], found["sequences"]) == (3, 4, [[3, 3]], [1, 2, 4])
    assert ask(app, "GET", "/api/checksum")[1]["count"] == 4


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"run": "r"},
        {"run": "", "sequence": 1},
        {"run": "x" * 201, "sequence": 1},
        {"run": 1, "sequence": 1},
        {"run": "r", "sequence": 0},
        {"run": "r", "sequence": "1"},
        {"run": "r", "sequence": True},
        {"run": "r", "sequence": 1.5},
    ],
)
def test_a_write_that_can_not_be_right_is_told_how(app: SampleApp, memory: Memory, body: Any) -> None:
    """Nothing is written, and the answer says what to send."""
    status, found = ask(app, "POST", "/api/probe", body)
    assert status == 400
    assert "sequence" in found["error"]
    assert memory.writes == []


def test_a_probe_without_a_run_is_400(app: SampleApp) -> None:
    """Which run is the whole question."""
    assert ask(app, "GET", "/api/probe")[0] == 400


@pytest.mark.parametrize(
    ("failure", "status"), [(DatabaseUnavailableError("gone"), 503), (LoginRefusedError("no"), 500)]
)
def test_what_the_database_does_not_do_is_not_acknowledged(
    app: SampleApp, memory: Memory, failure: Exception, status: int
) -> None:
    """Without a writer 503, with a refused password 500; health does not depend on the database."""
    memory.failure = failure
    assert ask(app, "POST", "/api/probe", {"run": "r", "sequence": 1})[0] == status
    assert ask(app, "GET", "/api/probe", run="r")[0] == ask(app, "GET", "/api/checksum")[0] == status
    assert ask(app, "GET", "/healthz")[0] == 200
    assert app.run(["checksum"])[0] == 1


def test_the_checksum_command_prints_what_the_path_answers(app: SampleApp) -> None:
    """A one-off task beside the service tells the same."""
    ask(app, "POST", "/api/probe", {"run": "r", "sequence": 1})
    code, line = app.run(["checksum"])
    _, found = ask(app, "GET", "/api/checksum")
    assert (code, json.loads(line)["sha256"], json.loads(line)["count"]) == (0, found["sha256"], 1)
    assert found["sha256"] == digest(["r 1"])
    assert app.run(["sh"])[0] == 127


def test_the_checksum_command_heeds_a_moment(memory: Memory) -> None:
    """Two databases can be compared while one goes on writing; the line says that it was heeded."""
    identity = Identity(revision="app:1", az="eu-central-1a", task="t1")
    app = SampleApp(identity, {**ENVIRONMENT, "CHECKSUM_UNTIL": "2026-01-01T00:00:00+00:00"}, memory.connect)
    ask(app, "POST", "/api/probe", {"run": "r", "sequence": 1})
    line = json.loads(app.run(["checksum"])[1])
    assert (line["count"], line["until"]) == (0, "2026-01-01T00:00:00+00:00")


@given(st.sets(st.integers(1, 60)))
def test_missing_and_found_are_the_whole(numbers: set[int]) -> None:
    """The gaps and the sequences together are every number from 1 to the last."""
    found = sorted(numbers)
    gaps = [number for first, last in missing(found) for number in range(first, last + 1)]
    assert sorted(gaps + found) == list(range(1, max(found, default=0) + 1))
