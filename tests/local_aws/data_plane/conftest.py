"""One data plane for all tests, of a local AWS apart from other tests'; each test has a shop of its own behind it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.data_plane.handle import DataPlane
from prod_infra.local_aws.server import LocalAws
from tests.conftest import REGION
from tests.local_aws.data_plane.shop import Shop


@pytest.fixture(scope="session")
def server() -> Iterator[LocalAws]:
    """A local AWS whose commands a data plane runs."""
    with LocalAws.start() as server:
        yield server


@pytest.fixture(scope="session")
def door(server: LocalAws) -> DataPlane:
    """Its front door."""
    return server.data_plane()


@pytest.fixture(scope="session")
def aws(server: LocalAws) -> Clients:
    """Its clients."""
    return Clients(server.endpoint, REGION)


@pytest.fixture
def shop(server: LocalAws, aws: Clients, door: DataPlane) -> Shop:
    """A shop that is open: its tasks are healthy and write."""
    server.reset()
    return Shop(server, aws, door)
