"""The pack in its own process, started once: every test speaks to it as the engine does."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from prod_infra.deployment.policy.gate import PACK
from prod_infra.deployment.policy.process import PolicyProcess


@pytest.fixture(scope="session")
def pack() -> Iterator[PolicyProcess]:
    """The shipped pack, running."""
    with PolicyProcess(PACK, deadline=time.monotonic() + 600) as process:
        yield process
