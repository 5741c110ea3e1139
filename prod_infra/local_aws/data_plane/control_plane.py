"""The local AWS as the data plane sees it: its topology, over and over, and the calls that tasks make."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.data_plane.shape import Task, Topology
from prod_infra.sample_app.database import Credentials

POLL_SECONDS: Final = 0.04
CALL_SECONDS: Final = 30.0


class ControlPlane:
    """Calls to the local AWS; none blocks the event loop.

    Args:
        endpoint: its URL, on loopback.
    """

    def __init__(self, endpoint: str) -> None:
        self.clients = Clients(endpoint, "eu-central-1")
        # httpx would take ten times as long, some thirty times a second.
        self._polling = HTTPConnection(urlsplit(endpoint).netloc, timeout=CALL_SECONDS)
        self._http = httpx.AsyncClient(base_url=f"{endpoint}/_prod_infra", timeout=CALL_SECONDS, trust_env=False)

    async def follow(self, take: Callable[[Topology], None]) -> None:
        """Call `take` with each new topology, for ever; while the local AWS does not answer, the last one counts."""
        version, silent = "", False
        while True:
            answer = await asyncio.to_thread(self._topology, version)
            if not answer and not silent:
                print("the local AWS does not tell its topology", file=sys.stderr)  # noqa: T201  its log
            silent = not answer
            if "topology" in answer:
                take(answer["topology"])
                version = answer["version"]
            await asyncio.sleep(POLL_SECONDS)

    def _topology(self, version: str) -> dict[str, Any]:
        """Return what is new since a version; nothing if the local AWS does not answer."""
        try:
            self._polling.request("GET", f"/_prod_infra/topology?version={version}")
            answer: dict[str, Any] = json.loads(self._polling.getresponse().read())
        except (OSError, HTTPException, ValueError):
            # The next request opens a new connection.
            self._polling.close()
            return {}
        return answer

    async def log_in(self, cluster: str, credentials: Credentials) -> bool | None:
        """Return whether a cluster lets someone in; None if it could not be asked."""
        given = {"cluster": cluster, "user": credentials.username, "password": credentials.password}
        try:
            response = await self._http.post("/docdb/login", json=given)
        except httpx.HTTPError:
            return None
        return bool(response.json()["accepted"]) if response.is_success else None

    async def secrets(self, task: Task) -> dict[str, str]:
        """Return the secret variables of a task, as ECS fills them when it starts; one that can't be read is empty."""
        return await asyncio.to_thread(self._secrets, task)

    def _secrets(self, task: Task) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, value_from in task["secrets"].items():
            # arn:aws:secretsmanager:region:account:secret:name:json-key:stage:version
            parts = value_from.split(":")
            key, stage, version = [*parts[7:], "", "", ""][:3]
            chosen = {"VersionId": version} if version else {"VersionStage": stage or "AWSCURRENT"}
            try:
                answer = self.clients("secretsmanager", parts[3]).get_secret_value(
                    SecretId=":".join(parts[:7]), **chosen
                )
                found[name] = str(json.loads(answer["SecretString"])[key]) if key else answer["SecretString"]
            except (ClientError, BotoCoreError, ValueError, LookupError) as error:
                # Neither the value nor the text around it, which may hold it.
                print(f"task {task['id']}: {name} can't be read: {type(error).__name__}", file=sys.stderr)  # noqa: T201
                found[name] = ""
        return found

    async def end(self, task: Task, code: int, line: str) -> None:
        """Write the last line of a one-off task to its log stream and tell ECS that its container has ended."""
        if task["log"]:
            await asyncio.to_thread(self._log, task, line)
        response = await self._http.post("/ecs/task-stopped", json={"task": task["id"], "exit_code": code})
        if response.is_error:
            print(f"task {task['id']}: {response.json()['message']}", file=sys.stderr)  # noqa: T201  its log

    def _log(self, task: Task, line: str) -> None:
        options: Mapping[str, Any] = task["log"]
        logs = self.clients("logs", options["awslogs-region"])
        # The awslogs driver's name of a stream on Fargate (ECS guide, "Using the awslogs log driver").
        stream = f"{options['awslogs-stream-prefix']}/{task['container']}/{task['id']}"
        group = options["awslogs-group"]
        try:
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
            events = [{"timestamp": int(time.time() * 1000), "message": line}]
            logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
        except (ClientError, BotoCoreError) as error:
            print(f"task {task['id']}: its log can't be written: {error}", file=sys.stderr)  # noqa: T201  its log
