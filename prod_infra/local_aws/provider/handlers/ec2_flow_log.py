"""VPC flow logs."""

from __future__ import annotations

from typing import Any

from prod_infra.errors import ProdInfraError
from prod_infra.local_aws.provider.handler import Handler
from prod_infra.local_aws.provider.handlers.common import absent_is_fine, compact, tag_state, tags_of
from prod_infra.local_aws.provider.handlers.ec2_common import Ec2Handler
from prod_infra.properties import Props

_KINDS = {"vpcId": "VPC", "subnetId": "Subnet", "eniId": "NetworkInterface"}


class FlowLog(Ec2Handler):
    """A record of the connections of a VPC, a subnet or an interface, written to a log group or a bucket."""

    token = "aws:ec2/flowLog:FlowLog"
    kind = "vpc-flow-log"
    not_found = "InvalidFlowLogId.NotFound"
    _sent = {
        "iamRoleArn": "DeliverLogsPermissionArn",
        "logDestination": "LogDestination",
        "logDestinationType": "LogDestinationType",
        "logFormat": "LogFormat",
        "maxAggregationInterval": "MaxAggregationInterval",
        "trafficType": "TrafficType",
    }
    inputs = frozenset({*_sent, *_KINDS, "tags"})
    replace_on = inputs - {"tags"}
    defaults = {"logDestinationType": "cloud-watch-logs", "maxAggregationInterval": 600}
    outputs = frozenset({"arn", "logFormat", "tagsAll"})

    def faults(self, inputs: Props) -> dict[str, str]:
        """Refuse a flow log of nothing or of two things."""
        given = [name for name in _KINDS if inputs.get(name) is not None]
        return {} if len(given) == 1 else {"vpcId": f"exactly one of {', '.join(_KINDS)} is needed, not {len(given)}"}

    def create(self, inputs: Props) -> str:
        """Create the flow log; AWS says within its answer, not by an error, that it could not."""
        name = next(name for name in _KINDS if inputs.get(name))
        answer = self.clients("ec2").create_flow_logs(
            ResourceType=_KINDS[name],
            ResourceIds=[inputs[name]],
            **compact({aws: inputs.get(ours) for ours, aws in self._sent.items()}),
            **self.tag_specification(inputs),
        )
        if answer.get("Unsuccessful"):
            error = answer["Unsuccessful"][0]["Error"]
            raise ProdInfraError(f"AWS did not create the flow log: {error['Code']}: {error['Message']}")
        return self.made(str(answer["FlowLogIds"][0]))

    def _held(self, resource_id: str) -> Any | None:
        # EC2 answers a filter with nothing where an ID would be an error.
        wanted = [{"Name": "flow-log-id", "Values": [resource_id]}]
        return next(iter(self.clients("ec2").describe_flow_logs(Filters=wanted)["FlowLogs"]), None)

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the flow log."""
        del state
        held = self._held(resource_id)
        if held is None:
            return None
        name = {"vpc": "vpcId", "sub": "subnetId", "eni": "eniId"}[held["ResourceId"][:3]]
        account = self.clients("sts").get_caller_identity()["Account"]
        return {
            **compact({ours: held.get(aws) for ours, aws in self._sent.items()}),
            name: held["ResourceId"],
            "arn": self.arn(account, resource_id),
            **tag_state(tags_of(held.get("Tags"))),
        }

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Set the tags; anything else is another flow log."""
        del changed
        self.update_tags(resource_id, old, new)

    def delete(self, resource_id: str, state: Props) -> None:
        """Delete the flow log; what it wrote stays."""
        del state
        with absent_is_fine(self.not_found):
            if self._held(resource_id):
                self.clients("ec2").delete_flow_logs(FlowLogIds=[resource_id])

    def find(self, inputs: Props) -> str | None:
        """Return the flow log of this thing to this destination."""
        thing = next(inputs[name] for name in _KINDS if inputs.get(name))
        wanted = [{"Name": "resource-id", "Values": [thing]}]
        held = self.clients("ec2").describe_flow_logs(Filters=wanted)["FlowLogs"]
        ids = [str(each["FlowLogId"]) for each in held if each.get("LogDestination") == inputs.get("logDestination")]
        return ids[0] if len(ids) == 1 else None


HANDLERS: tuple[type[Handler], ...] = (FlowLog,)
