"""What many tests share: one local AWS a pytest process, empty again before each test that asks for clients."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.server import LocalAws

REGION = "eu-central-1"

# A shell that starts the tests in the background has them ignore Ctrl-C, and the processes that they start as well.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def local_aws() -> Iterator[LocalAws]:
    """A local AWS of this pytest process alone; starting one takes three seconds."""
    with LocalAws.start() as server:
        yield server


@pytest.fixture(scope="session")
def shared_clients(local_aws: LocalAws) -> Clients:
    """Clients made once: boto3 takes longer to make one than the server to answer it."""
    return Clients(local_aws.endpoint, REGION)


@pytest.fixture
def clients(local_aws: LocalAws, shared_clients: Clients) -> Clients:
    """Clients of a local AWS that holds nothing but the hosted zone of example.com."""
    local_aws.reset()
    return shared_clients
