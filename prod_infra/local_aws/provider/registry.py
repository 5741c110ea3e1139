"""Every resource type of Pulumi's aws package that the local provider knows, by token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from prod_infra.local_aws.provider.handler import Handler
from prod_infra.local_aws.provider.handlers import (
    acm,
    appautoscaling,
    cloudfront,
    cloudfront_function,
    cloudwatch,
    codedeploy,
    docdb,
    docdb_cluster,
    docdb_instance,
    ec2_endpoint,
    ec2_flow_log,
    ec2_nat,
    ec2_network_acl,
    ec2_routing,
    ec2_security_group,
    ec2_security_group_rule,
    ec2_vpc,
    ecr,
    ecs,
    ecs_service,
    ecs_task_definition,
    elb,
    elb_listener,
    elb_target_group,
    iam,
    kms,
    log_delivery,
    route53,
    s3,
    s3_records,
    s3_settings,
    secretsmanager,
    sns,
    wafv2,
)

_MODULES: Final = (
    ec2_vpc,
    ec2_routing,
    ec2_nat,
    ec2_network_acl,
    ec2_security_group,
    ec2_security_group_rule,
    ec2_endpoint,
    ec2_flow_log,
    acm,
    appautoscaling,
    cloudfront,
    cloudfront_function,
    cloudwatch,
    codedeploy,
    docdb,
    docdb_cluster,
    docdb_instance,
    ecr,
    ecs,
    ecs_service,
    ecs_task_definition,
    elb,
    elb_listener,
    elb_target_group,
    iam,
    kms,
    log_delivery,
    route53,
    s3,
    s3_records,
    s3_settings,
    secretsmanager,
    sns,
    wafv2,
)

AWS_HANDLERS: Final[Mapping[str, type[Handler]]] = {
    handler.token: handler for module in _MODULES for handler in module.HANDLERS
}
