"""Serve the local providers to the real Pulumi CLI: `python -m prod_infra.local_aws.provider aws --endpoint URL`.

The port goes to stdout; the CLI takes it as `PULUMI_DEBUG_PROVIDERS=aws:PORT,random:PORT`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from importlib.metadata import version

import grpc.aio
from pulumi.runtime.proto import provider_pb2_grpc

from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.provider.provider import HandlerProvider, LocalAwsProvider
from prod_infra.local_aws.provider.random_provider import LocalRandomProvider
from prod_infra.local_aws.provider.wire import Servicer

# Pulumi's own limit: https://github.com/pulumi/pulumi/blob/master/sdk/python/lib/pulumi/runtime/_grpc_settings.py
_OPTIONS = [("grpc.max_receive_message_length", 400 * 1024 * 1024)]


async def serve(provider: HandlerProvider, package: str, *, until_stdin_closes: bool) -> None:
    """Serve one provider on a free port of 127.0.0.1, print the port, and stay until cancelled or stdin ends.

    It gives the version of the SDK that it stands in for, which is what the engine compares.
    """
    server = grpc.aio.server(options=_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(provider, version(f"pulumi-{package}")), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)  # noqa: T201  Pulumi's protocol: the port is the first line
    if until_stdin_closes:
        await asyncio.to_thread(sys.stdin.buffer.read)
        await server.stop(0)
    await server.wait_for_termination()


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m prod_infra.local_aws.provider", description=__doc__)
    parser.add_argument("package", choices=["aws", "random"])
    parser.add_argument("--endpoint", default="http://127.0.0.1:5000", help="the local AWS (default: %(default)s)")
    parser.add_argument("--region", default="eu-central-1", help="region until Pulumi configures one")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end with the process that holds stdin")
    arguments = parser.parse_args()
    provider = (
        LocalAwsProvider(Clients(arguments.endpoint, arguments.region))
        if arguments.package == "aws"
        else LocalRandomProvider()
    )
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(provider, arguments.package, until_stdin_closes=arguments.until_stdin_closes))


if __name__ == "__main__":
    main()
