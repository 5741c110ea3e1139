"""`python -m prod_infra.local_aws.data_plane ENDPOINT` serves the data plane of a local AWS until stdin closes.

The first line on stdout is a JSON object: `url`, `test_url`, `http_url` and `ca_file`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Final

from prod_infra.local_aws.data_plane.balancer import HTTPS
from prod_infra.local_aws.data_plane.certificates import Authority
from prod_infra.local_aws.data_plane.control_plane import ControlPlane
from prod_infra.local_aws.data_plane.front_door import TEST, FrontDoor
from prod_infra.local_aws.data_plane.http import server

HOST: Final = "127.0.0.1"
HTTP: Final = 80
BACKLOG: Final = 256


async def _serve(endpoint: str, folder: Path) -> None:
    control_plane = ControlPlane(endpoint)
    authority = Authority(folder)
    door = FrontDoor(control_plane, authority)
    urls: dict[str, str] = {"ca_file": str(authority.file)}
    ready = asyncio.Event()

    def take(topology: object) -> None:
        door.follow(topology)  # type: ignore[arg-type]  # its shape is the local AWS's word
        ready.set()

    following = asyncio.create_task(control_plane.follow(take))
    await ready.wait()
    servers = []
    for name, port, scheme in (("url", HTTPS, "https"), ("test_url", TEST, "https"), ("http_url", HTTP, "http")):
        context = door.context(port) if scheme == "https" else None
        listening = await asyncio.start_server(server(door.answer, port, scheme), HOST, 0, ssl=context, backlog=BACKLOG)
        servers.append(listening)
        urls[name] = f"{scheme}://{HOST}:{listening.sockets[0].getsockname()[1]}"
    print(json.dumps(urls), flush=True)  # noqa: T201  what the local AWS reads
    await asyncio.to_thread(sys.stdin.buffer.read)
    following.cancel()


def main() -> None:
    """Serve until the process that holds the other end of stdin has ended."""
    with tempfile.TemporaryDirectory(prefix="prod-infra-data-plane-") as folder:
        asyncio.run(_serve(sys.argv[1], Path(folder)))


if __name__ == "__main__":
    main()
