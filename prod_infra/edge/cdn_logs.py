"""The distribution's access logs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from prod_infra.component import Component, ComponentArgs
from prod_infra.operations.access_logs import CDN_PREFIX
from prod_infra.operations.encryption import GLOBAL_REGION

FIELDS: Final = (
    "date",
    "time",
    "x-edge-location",
    "sc-bytes",
    "c-ip",
    "cs-method",
    "cs(Host)",
    "cs-uri-stem",
    "sc-status",
    "cs(Referer)",
    "cs(User-Agent)",
    "cs-uri-query",
    "x-edge-result-type",
    "x-edge-request-id",
    "x-host-header",
    "cs-protocol",
    "cs-bytes",
    "time-taken",
    "x-forwarded-for",
    "ssl-protocol",
    "ssl-cipher",
    "x-edge-response-result-type",
    "cs-protocol-version",
    "c-port",
    "time-to-first-byte",
    "x-edge-detailed-result-type",
    "sc-content-type",
    "sc-content-len",
)
"""What is written of a request: all that CloudFront knows but its cookies, which may open a session."""


@dataclass(frozen=True, kw_only=True)
class CdnLogsArgs(ComponentArgs):
    """Arguments of `CdnLogs`.

    Attributes:
        distribution_arn: the distribution's ARN.
        log_bucket_arn: bucket that gets the logs, under `cdn/`.
    """

    distribution_arn: pulumi.Input[str]
    log_bucket_arn: pulumi.Input[str]


class CdnLogs(Component):
    """Standard logging (v2): CloudWatch Logs, in us-east-1, delivers what CloudFront writes to a bucket of any region.

    Attributes:
        delivery_id: the delivery's ID.
    """

    pulumi_type = "prod_infra:edge:CdnLogs"

    delivery_id: pulumi.Output[str]

    def __init__(self, name: str, args: CdnLogsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        source = aws.cloudwatch.LogDeliverySource(
            name,
            region=GLOBAL_REGION,
            resource_arn=args.distribution_arn,
            log_type="ACCESS_LOGS",
            name=f"{args.environment}-cdn",
            tags=self._tags(name),
            opts=self._child(),
        )
        bucket = aws.cloudwatch.LogDeliveryDestinationDeliveryDestinationConfigurationArgs(
            destination_resource_arn=pulumi.Output.concat(args.log_bucket_arn, "/", CDN_PREFIX)
        )
        destination = aws.cloudwatch.LogDeliveryDestination(
            name,
            region=GLOBAL_REGION,
            delivery_destination_configuration=bucket,
            output_format="json",
            name=f"{args.environment}-cdn",
            tags=self._tags(name),
            opts=self._child(),
        )
        delivery = aws.cloudwatch.LogDelivery(
            name,
            region=GLOBAL_REGION,
            delivery_source_name=source.name,
            delivery_destination_arn=destination.arn,
            record_fields=list(FIELDS),
            s3_delivery_configurations=[
                aws.cloudwatch.LogDeliveryS3DeliveryConfigurationArgs(
                    suffix_path="/{DistributionId}/{yyyy}/{MM}/{dd}/{HH}", enable_hive_compatible_path=False
                )
            ],
            tags=self._tags(name),
            opts=self._child(),
        )
        self.delivery_id = delivery.id
        self.register_outputs({"deliveryId": self.delivery_id})
