"""A small environment behind the front door: distribution, load balancer, service, database, made by plain calls."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from typing import Any, Final

import httpx

from prod_infra.compute.alb_listeners import ORIGIN_HEADER
from prod_infra.edge.behaviors import SECURITY_HEADERS_POLICY
from prod_infra.local_aws.clients import Clients
from prod_infra.local_aws.data_plane.handle import DataPlane
from prod_infra.local_aws.server import LocalAws
from tests.local_aws.environment import issued_certificate, network

DOMAIN: Final = "example.com"
ORIGIN: Final = "origin-alb.example.com"
PASSWORD: Final = "correct-horse-battery"
CACHING_DISABLED: Final = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
SECONDS: Final = 20.0


def eventually(true: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """Return the first true value of a condition; one that stays false fails the test."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, "what should have become true did not"
        time.sleep(0.02)
    return found


class Shop:
    """The environment; its parts' ARNs and names are attributes."""

    def __init__(self, local_aws: LocalAws, clients: Clients, door: DataPlane) -> None:
        self.local_aws, self.clients, self.door = local_aws, clients, door
        self.network = network(clients)
        self._database()
        self._balancer()
        self._service()
        self._distribution()
        eventually(lambda: self.targets("blue") == ["healthy", "healthy"])
        eventually(self._is_open)

    def _is_open(self) -> bool:
        # Until the data plane has heard of the distribution, nobody has its name.
        with contextlib.suppress(httpx.ConnectError):
            return self.write("start", 1) == 201
        return False

    def get(self, path: str, host: str = DOMAIN, *, test: bool = False, **given: Any) -> Any:
        """Ask over TLS on a connection of its own."""
        with self.door.client(host, test=test) as client:
            return client.get(path, **given)

    def write(self, run: str, sequence: int) -> int:
        """Write through the front door; return the status."""
        with self.door.client(DOMAIN) as client:
            return client.post("/api/probe", json={"run": run, "sequence": sequence}).status_code

    def targets(self, color: str) -> list[str]:
        """Return the states of a target group's targets."""
        found = self.clients("elbv2").describe_target_health(TargetGroupArn=self.groups[color])
        return [each["TargetHealth"]["State"] for each in found["TargetHealthDescriptions"]]

    def policy(self, bucket: str, source: str) -> None:
        """Let a distribution read a bucket's objects."""
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "cloudfront.amazonaws.com"},
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{bucket}/*",
            "Condition": {"StringEquals": {"AWS:SourceArn": source}},
        }
        only_tls = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": f"arn:aws:s3:::{bucket}/*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        policy = {"Version": "2012-10-17", "Statement": [statement, only_tls]}
        self.clients("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))

    def forward(self, **weights: int) -> None:
        """Shift the production rule's weights, such as `blue=90, green=10`."""
        groups = [{"TargetGroupArn": self.groups[color], "Weight": weight} for color, weight in weights.items()]
        action = {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}
        self.clients("elbv2").modify_rule(RuleArn=self.rule, Actions=[action])

    def task_definition(self) -> str:
        """Register the next revision and return its ARN."""
        container = {
            "name": "app",
            "image": "sample",
            "essential": True,
            "environment": [{"name": "DATABASE_HOST", "value": self.endpoint}],
            "secrets": [
                {"name": f"DATABASE_{key.upper()}", "valueFrom": f"{self.secret}:{key}::"}
                for key in ("username", "password")
            ],
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {
                    "awslogs-group": "/shop",
                    "awslogs-region": "eu-central-1",
                    "awslogs-stream-prefix": "app",
                },
            },
        }
        arn: str = self.clients("ecs").register_task_definition(
            family="shop",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[container],
        )["taskDefinition"]["taskDefinitionArn"]
        return arn

    @property
    def vpc_configuration(self) -> dict[str, Any]:
        """ECS's `networkConfiguration`."""
        return {"awsvpcConfiguration": {"subnets": self.network.subnets, "securityGroups": [self.network.group]}}

    def _database(self) -> None:
        docdb = self.clients("docdb")
        docdb.create_db_subnet_group(
            DBSubnetGroupName="shop", DBSubnetGroupDescription="shop", SubnetIds=self.network.subnets
        )
        self.endpoint = docdb.create_db_cluster(
            DBClusterIdentifier="shop",
            Engine="docdb",
            MasterUsername="shopadmin",
            MasterUserPassword=PASSWORD,
            DBSubnetGroupName="shop",
        )["DBCluster"]["Endpoint"]
        for number, zone in enumerate("ab"):
            docdb.create_db_instance(
                DBInstanceIdentifier=f"shop-{number}",
                DBClusterIdentifier="shop",
                Engine="docdb",
                DBInstanceClass="db.r6g.large",
                AvailabilityZone=f"eu-central-1{zone}",
            )
        content = json.dumps({"username": "shopadmin", "password": PASSWORD})
        self.secret = self.clients("secretsmanager").create_secret(Name="shop/docdb", SecretString=content)["ARN"]
        self.clients("logs").create_log_group(logGroupName="/shop")

    def _balancer(self) -> None:
        elbv2 = self.clients("elbv2")
        certificate = issued_certificate(self.clients, region="eu-central-1")
        balancer = elbv2.create_load_balancer(Name="shop", Subnets=self.network.subnets)["LoadBalancers"][0]
        self.balancer, self.balancer_name = balancer["LoadBalancerArn"], balancer["DNSName"]
        elbv2.modify_load_balancer_attributes(
            LoadBalancerArn=self.balancer, Attributes=[{"Key": "zonal_shift.config.enabled", "Value": "true"}]
        )
        self.groups = {
            color: elbv2.create_target_group(
                Name=color,
                Protocol="HTTPS",
                Port=8080,
                VpcId=self.network.vpc,
                TargetType="ip",
                HealthCheckPath="/healthz",
            )["TargetGroups"][0]["TargetGroupArn"]
            for color in ("blue", "green")
        }
        forbidden = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "403", "MessageBody": "Forbidden"}}
        actions = {443: forbidden, 8443: {"Type": "forward", "TargetGroupArn": self.groups["green"]}}
        listeners = {
            port: elbv2.create_listener(
                LoadBalancerArn=self.balancer,
                Protocol="HTTPS",
                Port=port,
                Certificates=[{"CertificateArn": certificate}],
                DefaultActions=[action],
            )["Listeners"][0]["ListenerArn"]
            for port, action in actions.items()
        }
        self.rule = elbv2.create_rule(
            ListenerArn=listeners[443],
            Priority=1,
            Conditions=[
                {
                    "Field": "http-header",
                    "HttpHeaderConfig": {"HttpHeaderName": ORIGIN_HEADER, "Values": ["open sesame"]},
                }
            ],
            Actions=[{"Type": "forward", "TargetGroupArn": self.groups["blue"]}],
        )["Rules"][0]["RuleArn"]
        zone = self.clients("route53").list_hosted_zones_by_name(DNSName=DOMAIN)["HostedZones"][0]["Id"]
        alias = {
            "Name": ORIGIN,
            "Type": "A",
            "AliasTarget": {
                "HostedZoneId": balancer["CanonicalHostedZoneId"],
                "DNSName": balancer["DNSName"],
                "EvaluateTargetHealth": False,
            },
        }
        self.clients("route53").change_resource_record_sets(
            HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": alias}]}
        )

    def _service(self) -> None:
        ecs = self.clients("ecs")
        ecs.create_cluster(clusterName="shop")
        ecs.create_service(
            cluster="shop",
            serviceName="shop",
            taskDefinition=self.task_definition(),
            launchType="FARGATE",
            desiredCount=2,
            networkConfiguration=self.vpc_configuration,
            loadBalancers=[{"targetGroupArn": self.groups["blue"], "containerName": "app", "containerPort": 8080}],
        )

    def _distribution(self) -> None:
        s3, cloudfront = self.clients("s3"), self.clients("cloudfront")
        for name in ("shop-site", "shop-images"):
            s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        control = cloudfront.create_origin_access_control(
            OriginAccessControlConfig={
                "Name": "shop",
                "SigningProtocol": "sigv4",
                "SigningBehavior": "always",
                "OriginAccessControlOriginType": "s3",
            }
        )["OriginAccessControl"]["Id"]
        buckets = [
            {
                "Id": name,
                "DomainName": f"{name}.s3.eu-central-1.amazonaws.com",
                "OriginAccessControlId": control,
                "S3OriginConfig": {"OriginAccessIdentity": ""},
            }
            for name in ("shop-site", "shop-images")
        ]
        custom = {
            "HTTPPort": 80,
            "HTTPSPort": 443,
            "OriginProtocolPolicy": "https-only",
            "OriginSslProtocols": {"Quantity": 1, "Items": ["TLSv1.2"]},
        }
        header = {"HeaderName": ORIGIN_HEADER, "HeaderValue": "open sesame"}
        api = {
            "Id": "api",
            "DomainName": ORIGIN,
            "CustomOriginConfig": custom,
            "CustomHeaders": {"Quantity": 1, "Items": [header]},
        }
        every = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
        common = {
            "ViewerProtocolPolicy": "redirect-to-https",
            "CachePolicyId": CACHING_DISABLED,
            "ResponseHeadersPolicyId": SECURITY_HEADERS_POLICY,
        }
        behaviours = [
            {
                **common,
                "PathPattern": "/api/*",
                "TargetOriginId": "api",
                "AllowedMethods": {"Quantity": len(every), "Items": every},
            },
            {**common, "PathPattern": "/images/*", "TargetOriginId": "shop-images"},
        ]
        self.configuration: dict[str, Any] = {
            "CallerReference": "shop",
            "Comment": "",
            "Enabled": True,
            "DefaultRootObject": "index.html",
            "Aliases": {"Quantity": 1, "Items": [DOMAIN]},
            "Origins": {"Quantity": 3, "Items": [*buckets, api]},
            "DefaultCacheBehavior": {**common, "TargetOriginId": "shop-site"},
            "CacheBehaviors": {"Quantity": 2, "Items": behaviours},
            "ViewerCertificate": {
                "ACMCertificateArn": issued_certificate(self.clients),
                "SSLSupportMethod": "sni-only",
                "MinimumProtocolVersion": "TLSv1.2_2021",
            },
        }
        made = cloudfront.create_distribution(DistributionConfig=self.configuration)
        self.distribution, self.etag = made["Distribution"]["ARN"], made["ETag"]
        for name in ("shop-site", "shop-images"):
            self.policy(name, self.distribution)

    def add_function(self, code: bytes) -> None:
        """Publish a viewer-request function and associate it with the default behaviour."""
        cloudfront = self.clients("cloudfront")
        made = cloudfront.create_function(
            Name="rewrite", FunctionConfig={"Comment": "", "Runtime": "cloudfront-js-2.0"}, FunctionCode=code
        )
        cloudfront.publish_function(Name="rewrite", IfMatch=made["ETag"])
        arn = made["FunctionSummary"]["FunctionMetadata"]["FunctionARN"]
        association = {"EventType": "viewer-request", "FunctionARN": arn}
        default = self.configuration["DefaultCacheBehavior"] | {
            "FunctionAssociations": {"Quantity": 1, "Items": [association]}
        }
        cloudfront.update_distribution(
            Id=self.distribution.rpartition("/")[2],
            IfMatch=self.etag,
            DistributionConfig=self.configuration | {"DefaultCacheBehavior": default},
        )
