"""Topics through their life."""

from __future__ import annotations

import json

from prod_infra.local_aws.clients import Clients
from tests.local_aws.provider.lifecycle import run_lifecycle

TOPIC = "aws:sns/topic:Topic"


def test_topic(clients: Clients) -> None:
    """Key, policy and tags of a topic change in place."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": "*",
    }
    first = {"kmsMasterKeyId": "alias/aws/sns", "tags": {"Name": "alarms"}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    state = run_lifecycle(clients, TOPIC, first, {**first, "policy": policy}, {"policy": policy, "tags": {"Name": "a"}})
    assert state["arn"].endswith(f":{state['name']}")
