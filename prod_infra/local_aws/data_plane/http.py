"""HTTP/1.1 on asyncio: connections are kept open, h11 reads and writes the messages."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from http.client import responses
from typing import Final, TypeAlias
from urllib.parse import parse_qsl, unquote

import h11

LARGEST_BODY: Final = 1 << 20
CHUNK: Final = 65536
IDLE_SECONDS: Final = 75.0


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request at one of the data plane's ports.

    Attributes:
        port: the AWS port that was meant, such as 443; not the one on loopback.
        scheme: `https` or `http`.
        host: from the Host header, lower case, without a port.
        method: upper case.
        path: as it was sent, still quoted.
        query: after the `?`, as it was sent.
        headers: by lower-case name; repeated ones joined by a comma.
        body: all of it.
    """

    port: int
    scheme: str
    host: str
    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def parameters(self) -> dict[str, str]:
        """The query's parameters, the last value of each name."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @property
    def plain_path(self) -> str:
        """The path, unquoted."""
        return unquote(self.path)


@dataclass(frozen=True, kw_only=True)
class Response:
    """An answer; Content-Length and Date come by themselves.

    Attributes:
        status: HTTP status.
        body: its bytes.
        headers: by name.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def with_headers(self, **more: str) -> Response:
        """Return it with more headers; an underscore in a name stands for a hyphen."""
        return replace(self, headers={**self.headers, **{name.replace("_", "-"): more[name] for name in more}})


Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


def text(status: int, words: str, content_type: str = "text/plain") -> Response:
    """Return an answer of words."""
    return Response(status=status, body=words.encode(), headers={"Content-Type": content_type})


def _request(head: h11.Request, body: bytes, port: int, scheme: str) -> Request:
    headers: dict[str, str] = {}
    for raw_name, raw_value in head.headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    path, _, query = head.target.decode("latin-1").partition("?")
    return Request(
        port=port,
        scheme=scheme,
        host=headers.get("host", "").partition(":")[0].lower(),
        method=head.method.decode("latin-1").upper(),
        path=path,
        query=query,
        headers=headers,
        body=body,
    )


def _written(connection: h11.Connection, response: Response, *, has_body: bool) -> bytes:
    headers = {**response.headers, "Content-Length": str(len(response.body)), "Date": formatdate(usegmt=True)}
    reason = responses.get(response.status, "")
    head = h11.Response(
        status_code=response.status,
        headers=[(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()],
        reason=reason.encode(),
    )
    parts = [connection.send(head)]
    if has_body:
        parts.append(connection.send(h11.Data(data=response.body)))
    parts.append(connection.send(h11.EndOfMessage()))
    return b"".join(part for part in parts if part)


class _Session:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._connection = h11.Connection(h11.SERVER, max_incomplete_event_size=CHUNK)

    async def _event(self) -> h11.Event | None:
        """Return what comes next; None while the client must wait."""
        while (event := self._connection.next_event()) is h11.NEED_DATA:
            if self._connection.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[])
                self._writer.write(self._connection.send(go_on) or b"")
            async with asyncio.timeout(IDLE_SECONDS):
                self._connection.receive_data(await self._reader.read(CHUNK))
        return None if isinstance(event, type) else event

    async def serve(self, handler: Handler, port: int, scheme: str) -> None:
        """Answer request after request until the client leaves."""
        try:
            await self._serve(handler, port, scheme)
        except h11.RemoteProtocolError as error:
            if self._connection.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                refusal = text(error.error_status_hint, f"{error}\n")
                self._writer.write(_written(self._connection, refusal, has_body=True))

    async def _serve(self, handler: Handler, port: int, scheme: str) -> None:
        while isinstance(head := await self._event(), h11.Request):
            body, size = bytearray(), 0
            while isinstance(part := await self._event(), h11.Data):
                size += len(part.data)
                # Read to its end, so that the client reads the refusal, but not kept.
                if size <= LARGEST_BODY:
                    body += part.data
            if not isinstance(part, h11.EndOfMessage):
                return
            request = _request(head, bytes(body), port, scheme)
            response = text(413, "Too large\n") if size > LARGEST_BODY else await _answered(handler, request)
            self._writer.write(_written(self._connection, response, has_body=head.method != b"HEAD"))
            await self._writer.drain()
            if self._connection.our_state is not h11.DONE or self._connection.their_state is not h11.DONE:
                return
            self._connection.start_next_cycle()


async def _answered(handler: Handler, request: Request) -> Response:
    try:
        return await handler(request)
    except Exception:  # noqa: BLE001  one request must not end the others
        traceback.print_exc(file=sys.stderr)
        return text(500, "the data plane failed; its traceback is in the log of the local AWS\n")


def server(handler: Handler, port: int, scheme: str) -> Callable[..., Awaitable[None]]:
    """Return what `asyncio.start_server` calls for each connection.

    Args:
        handler: answers requests.
        port: the AWS port that this socket stands for.
        scheme: `https` or `http`.
    """

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = _Session(reader, writer)
        with contextlib.suppress(TimeoutError, OSError):
            await session.serve(handler, port, scheme)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    return connected
