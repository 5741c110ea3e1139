"""Tasks: the sample application in this process, once for each task that the control plane lets run."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from prod_infra.local_aws.data_plane.control_plane import ControlPlane
from prod_infra.local_aws.data_plane.database import Connection, Databases
from prod_infra.local_aws.data_plane.http import Request, Response, text
from prod_infra.local_aws.data_plane.shape import Task, Topology
from prod_infra.sample_app import app
from prod_infra.sample_app.app import Identity, SampleApp
from prod_infra.sample_app.database import Credentials

PATIENCE: Final = 5.0
"""Seconds that a request waits for a process that starts or logs in."""


class Process:
    """The application of one task.

    Args:
        task: as the control plane has it.
        control_plane: where its secrets and logins are.
        databases: what it writes to.
    """

    def __init__(self, task: Task, control_plane: ControlPlane, databases: Databases) -> None:
        self._task = task
        self._control_plane = control_plane
        self._databases = databases
        self._app: SampleApp | None = None
        self._connection: Connection | None = None
        # Kept, for the event loop holds its tasks by weak references alone.
        self._starting = asyncio.create_task(self._start())
        self._command: asyncio.Task[None] | None = None

    @property
    def az(self) -> str:
        """The zone of its task."""
        return self._task["az"]

    async def _start(self) -> None:
        task = self._task
        environment = task["environment"] | await self._control_plane.secrets(task)
        identity = Identity(revision=task["revision"], az=task["az"], task=task["id"])

        def connect(credentials: Credentials) -> Connection:
            self._connection = Connection(self._databases, identity, credentials, self._control_plane.log_in)
            return self._connection

        self._app = SampleApp(identity, environment, connect)
        if self._connection:
            self._connection.mend()

    async def _ready(self) -> SampleApp:
        """Wait until the process runs and its login is decided, for the time that a request waits."""
        login = self._connection.login if self._connection else None
        # Almost always there is nothing to wait for, and a timeout takes longer than the answer.
        if self._app is not None and (login is None or login.done()):
            return self._app
        async with asyncio.timeout(PATIENCE):
            await self._starting
            if self._connection and self._connection.login:
                await asyncio.wait([self._connection.login])
        if self._app is None:
            raise RuntimeError("a start that ended made an application")
        return self._app

    def follow(self, task: Task) -> None:
        """Take over what became of the task: mend the connection, run the command once."""
        self._task = task
        if self._connection and task["serving"]:
            self._connection.mend()
        if task["command"] and task["running"] and self._command is None:
            self._command = asyncio.create_task(self._run())

    def stop(self) -> None:
        """Take over that the task is gone: it answers no more."""
        self._task = {**self._task, "serving": False}

    async def _run(self) -> None:
        application = await self._ready()
        code, line = application.run(self._task["command"])
        await self._control_plane.end(self._task, code, line)

    async def answer(self, request: Request) -> Response | None:
        """Answer a request; None if nothing listens any more."""
        if not self._task["serving"]:
            return None
        if self._task["fails"]:
            return text(500, '{"error": "a fault is injected: tasks-fail"}', "application/json")
        try:
            application = await self._ready()
        except TimeoutError:
            return text(504, '{"error": "the task does not start"}', "application/json")
        asked = app.Request(method=request.method, path=request.plain_path, query=request.parameters, body=request.body)
        answer = application.answer(asked)
        return Response(status=answer.status, body=answer.content, headers={"Content-Type": "application/json"})


@dataclass
class Tasks:
    """The processes of all tasks.

    Attributes:
        control_plane: where secrets and logins are.
        databases: what they write to.
    """

    control_plane: ControlPlane
    databases: Databases
    _processes: dict[str, Process] = field(default_factory=dict)
    _by_ip: dict[str, Process] = field(default_factory=dict)

    def follow(self, topology: Topology) -> None:
        """Start, change and end processes as the control plane says."""
        present = {task["id"]: task for task in topology["tasks"]}
        for gone in self._processes.keys() - present.keys():
            self._processes.pop(gone).stop()
        for task_id, task in present.items():
            if task_id not in self._processes and task["serving"]:
                self._processes[task_id] = Process(task, self.control_plane, self.databases)
            if task_id in self._processes:
                self._processes[task_id].follow(task)
        self._by_ip = {present[task_id]["ip"]: process for task_id, process in self._processes.items()}

    def at(self, ip: str) -> Process | None:
        """Return the process at an address."""
        return self._by_ip.get(ip)
