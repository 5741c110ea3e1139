"""The sample application's answers. It knows no server and no database of its own: both are given.

- `GET /healthz`, `GET /api/health`: 200 while the process lives.
- `GET /api/version`: which task answers.
- `POST` or `PUT /api/probe` with `{"run", "sequence"}`: acknowledged once the database's writer has it.
- `GET /api/probe?run=`: what the database has of a run.
- `GET /api/checksum`: what the database has of all runs.

The task's environment says where the database is: `DATABASE_HOST`, `DATABASE_PORT`, `DATABASE_USERNAME` and
`DATABASE_PASSWORD`, as `prod_infra.data.docdb` sets them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from prod_infra.sample_app.database import Credentials, Database, DatabaseUnavailableError, LoginRefusedError
from prod_infra.sample_app.digest import digest, missing

HEALTH: Final = ("/healthz", "/api/health")
LONGEST_RUN: Final = 200


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who answers.

    Attributes:
        revision: `family:revision` of the task definition.
        az: availability zone, such as `eu-central-1a`.
        task: the task's id.
    """

    revision: str
    az: str
    task: str


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request as the application sees it.

    Attributes:
        method: upper case.
        path: without the query.
        query: one value a name.
        body: at most what the server lets in.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer; the body is JSON.

    Attributes:
        status: HTTP status.
        body: such as `{"run": "drill-1", "count": 3}`.
    """

    status: HTTPStatus
    body: Mapping[str, Any]

    @property
    def content(self) -> bytes:
        """The body's bytes."""
        return json.dumps(self.body).encode()


class SampleApp:
    """One process of the application.

    Args:
        identity: who answers.
        environment: the process's environment variables.
        connect: opens a connection to the database, which mends itself after a failover.
    """

    def __init__(
        self, identity: Identity, environment: Mapping[str, str], connect: Callable[[Credentials], Database]
    ) -> None:
        self._identity = identity
        self._until = environment.get("CHECKSUM_UNTIL")
        self._database = connect(Credentials.of_environment(environment))

    def answer(self, request: Request) -> Answer:
        """Answer a request; what the database refuses becomes 500, what it can't do now 503."""
        try:
            return self._routed(request)
        except DatabaseUnavailableError as error:
            return self._told({"error": str(error)}, HTTPStatus.SERVICE_UNAVAILABLE)
        except LoginRefusedError as error:
            return self._told({"error": str(error)}, HTTPStatus.INTERNAL_SERVER_ERROR)

    def _routed(self, request: Request) -> Answer:
        match request.method, request.path:
            case "GET" | "HEAD", path if path in HEALTH:
                return self._told({"status": "ok"})
            case "GET" | "HEAD", "/api/version":
                return self._told({})
            case "POST" | "PUT", "/api/probe":
                return self._write(request.body)
            case "GET", "/api/probe":
                return self._probe(request.query.get("run", ""))
            case "GET", "/api/checksum":
                return self._told(self.checksum())
        return self._told({"error": f"there is no {request.method} {request.path}"}, HTTPStatus.NOT_FOUND)

    def run(self, command: Sequence[str]) -> tuple[int, str]:
        """Do what a one-off task is for, and return its exit code and the line that it prints.

        Args:
            command: `["checksum"]` counts and sums up all that the database has, or, where the environment variable
                `CHECKSUM_UNTIL` gives a moment (ISO 8601), had by then.
        """
        if list(command) != ["checksum"]:
            return 127, json.dumps({"error": f"{list(command)} is no command; known: ['checksum']"})
        try:
            bound = {"until": self._until} if self._until else {}
            until = datetime.fromisoformat(self._until) if self._until else None
            return 0, json.dumps({"command": "checksum", **bound, **self.checksum(until)})
        except (DatabaseUnavailableError, LoginRefusedError) as error:
            return 1, json.dumps({"command": "checksum", "error": str(error)})

    def checksum(self, until: datetime | None = None) -> dict[str, Any]:
        """Return `count` and `sha256` of all writes, a line `run sequence` each, ordered, each once.

        Raises:
            DatabaseUnavailableError: there is no writer now.
            LoginRefusedError: the password is refused.
        """
        writes = sorted(set(self._database.everything(until)))
        return {"count": len(writes), "sha256": digest(f"{run} {sequence}" for run, sequence in writes)}

    def _told(self, body: Mapping[str, Any], status: HTTPStatus = HTTPStatus.OK) -> Answer:
        return Answer(status=status, body={**body, **asdict(self._identity)})

    def _write(self, body: bytes) -> Answer:
        try:
            given = json.loads(body)
            run, sequence = given["run"], given["sequence"]
        except (ValueError, TypeError, LookupError):
            run, sequence = None, None
        right = isinstance(run, str) and 0 < len(run) <= LONGEST_RUN
        if not (right and isinstance(sequence, int) and not isinstance(sequence, bool) and sequence > 0):
            words = f'send {{"run": text of 1 to {LONGEST_RUN} characters, "sequence": whole number from 1}}'
            return self._told({"error": words}, HTTPStatus.BAD_REQUEST)
        self._database.write(str(run), sequence)
        return self._told({"run": run, "sequence": sequence}, HTTPStatus.CREATED)

    def _probe(self, run: str) -> Answer:
        if not run:
            return self._told({"error": "say which run: /api/probe?run=…"}, HTTPStatus.BAD_REQUEST)
        found = sorted(set(self._database.sequences(run)))
        return self._told(
            {
                "run": run,
                "count": len(found),
                "last": found[-1] if found else None,
                "sha256": digest(found),
                "missing": missing(found),
                "sequences": found,
            }
        )
