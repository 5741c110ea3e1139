"""Whatever a test here asks of the local AWS, the answers are held to botocore's models."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local_aws.wire import Recorder

# Before any client is made.
Recorder.install()


@pytest.fixture(autouse=True)
def _answers_fit_their_models() -> Iterator[None]:
    """Fail a test that got an answer which no client of AWS could have got."""
    with Recorder().recording() as answers:
        yield
    assert {fault for answer in answers for fault in answer.faults} == set()
