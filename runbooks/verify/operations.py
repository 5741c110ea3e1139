"""Checks of operations: keys, logs, firewall, alarms, evidence."""

from __future__ import annotations

import json
from typing import Any, Final

from runbooks.verify.check import CheckFunction, Findings
from runbooks.verify.deployed import GLOBAL_REGION, Deployed, only

PURPOSES: Final = ("database", "secrets", "images", "buckets", "logs", "alarms")
EDGE_PURPOSES: Final = ("edge-logs", "edge-alarms")
LOG4J_RULES: Final = "AWSManagedRulesKnownBadInputsRuleSet"


def keys_rotate(env: Deployed, see: Findings) -> None:
    """There is a key for each kind of data, and each rotates."""
    for region, purposes in ((env.settings.region, PURPOSES), (GLOBAL_REGION, EDGE_PURPOSES)):
        kms = env.clients("kms", region)
        for purpose in purposes:
            key = env.key(purpose, region)
            see.require(kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"], f"{purpose} does not rotate")
            statements = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])["Statement"]
            open_to = [item["Sid"] for item in statements if item["Principal"] in ("*", {"AWS": "*"})]
            see.equal(f"{purpose} open to all by", open_to, [])
            see.saw(purpose)


def own_keys_are_used(env: Deployed, see: Findings) -> None:
    """Database, secret, images and buckets are encrypted with the environment's own keys."""
    see.equal("database key", env.database.get("KmsKeyId", "").rpartition("/")[2], env.key("database"))
    for secret in env.secrets:
        see.equal(f"{secret['Name']} key", secret.get("KmsKeyId", "").rpartition("/")[2], env.key("secrets"))
    for repository in env.repositories:
        encryption = repository["encryptionConfiguration"]
        see.equal("images key", encryption.get("kmsKey", "").rpartition("/")[2], env.key("images"))
    s3 = env.clients("s3")
    for bucket in [*env.buckets.values(), env.bucket("evidence")]:
        rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        key = rules[0]["ApplyServerSideEncryptionByDefault"].get("KMSMasterKeyID", "")
        see.equal(f"{bucket} key", key.rpartition("/")[2], env.key("buckets"))


def log_groups(env: Deployed, see: Findings) -> None:
    """Log groups are encrypted, and kept as long as the settings say."""
    for region, purpose in ((env.settings.region, "logs"), (GLOBAL_REGION, "edge-logs")):
        groups = env.log_groups(region)
        see.require(groups, f"there is no log group of this environment in {region}")
        for group in groups:
            name = group["logGroupName"]
            see.equal(f"{name} key", group.get("kmsKeyId", "").rpartition("/")[2], env.key(purpose, region))
            see.equal(f"{name} days", group.get("retentionInDays"), env.settings.log_retention_days)
    names = {group["logGroupName"] for group in env.log_groups(env.settings.region)}
    wanted = {f"/aws/docdb/{env.database['DBClusterIdentifier']}/{log}" for log in env.database_logs}
    see.equal("database's groups without retention", wanted - names, set())


def flow_logs(env: Deployed, see: Findings) -> None:
    """All traffic of the VPC is written to a log group."""
    found = env.pages(
        "ec2", "describe_flow_logs", "FlowLogs", Filters=[{"Name": "resource-id", "Values": [env.vpc["VpcId"]]}]
    )
    flow = only(found, "flow log of the VPC")
    see.equal("traffic", flow["TrafficType"], "ALL")
    see.equal("delivery", flow["DeliverLogsStatus"], "SUCCESS")
    groups = {group["arn"].removesuffix(":*") for group in env.log_groups(env.settings.region)}
    see.require(flow["LogDestination"].removesuffix(":*") in groups, f"{flow['LogDestination']} is no group of ours")


def access_logs(env: Deployed, see: Findings) -> None:
    """Load balancer, buckets and distribution write their access logs to the log bucket."""
    target = env.bucket("access-logs")
    arn = env.load_balancer["LoadBalancerArn"]
    answer = env.clients("elbv2").describe_load_balancer_attributes(LoadBalancerArn=arn)
    attributes = {item["Key"]: item["Value"] for item in answer["Attributes"]}
    see.equal("load balancer logs", attributes.get("access_logs.s3.enabled"), "true")
    see.equal("load balancer's bucket", attributes.get("access_logs.s3.bucket"), target)
    s3 = env.clients("s3")
    for bucket in [*env.buckets.values(), env.bucket("evidence")]:
        logging = s3.get_bucket_logging(Bucket=bucket).get("LoggingEnabled", {})
        see.equal(f"{bucket} logs to", logging.get("TargetBucket"), target)
    sources = env.pages("logs", "describe_delivery_sources", "deliverySources", GLOBAL_REGION)
    ours = only([item for item in sources if env.distribution["ARN"] in item["resourceArns"]], "delivery source")
    deliveries = env.pages("logs", "describe_deliveries", "deliveries", GLOBAL_REGION)
    delivery = only([item for item in deliveries if item["deliverySourceName"] == ours["name"]], "delivery")
    see.equal("distribution's logs go to", delivery["deliveryDestinationType"], "S3")
    see.require("cs(Cookie)" not in delivery["recordFields"], "cookies are written to the distribution's logs")


def buckets_tidy_up(env: Deployed, see: Findings) -> None:
    """Every bucket of the environment is private, wants TLS, and clears away what nobody needs."""
    s3 = env.clients("s3")
    see.equal("number of buckets", len(env.own_buckets), 4)
    for bucket in env.own_buckets.values():
        block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
        see.require(all(block.values()), f"{bucket} blocks public access only in part")
        see.require("aws:SecureTransport" in s3.get_bucket_policy(Bucket=bucket)["Policy"], f"{bucket} wants no TLS")
        rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
        tidy = any("AbortIncompleteMultipartUpload" in rule and rule["Status"] == "Enabled" for rule in rules)
        see.require(tidy, f"{bucket} keeps abandoned uploads")
        see.saw(bucket)
    logs = s3.get_bucket_lifecycle_configuration(Bucket=env.bucket("access-logs"))["Rules"]
    days = [rule["Expiration"]["Days"] for rule in logs if "Days" in rule.get("Expiration", {})]
    see.equal("days of access logs", days, [env.settings.log_retention_days])


def _rules(acl: dict[str, Any]) -> set[str]:
    groups = [rule["Statement"].get("ManagedRuleGroupStatement", {}).get("Name") for rule in acl["Rules"]]
    return {name for name in groups if name}


def firewall(env: Deployed, see: Findings) -> None:
    """Distribution and load balancer stand behind web ACLs, Log4j's rules among them, that write logs."""
    wafv2 = env.clients("wafv2")
    arn = env.distribution["DistributionConfig"].get("WebACLId", "")
    see.require(":global/webacl/" in arn, "the distribution has no web ACL")
    edge = env.clients("wafv2", GLOBAL_REGION)
    if arn:
        name, acl_id = arn.split("/")[-2:]
        acl = edge.get_web_acl(Name=name, Scope="CLOUDFRONT", Id=acl_id)["WebACL"]
        see.require(LOG4J_RULES in _rules(acl), f"{name} lacks {LOG4J_RULES}")
        limits = [rule["Statement"]["RateBasedStatement"]["Limit"] for rule in acl["Rules"] if _is_rate(rule)]
        see.equal("rate limit", limits, [env.settings.waf_rate_limit])
        edge.get_logging_configuration(ResourceArn=arn)
    regional = wafv2.get_web_acl_for_resource(ResourceArn=env.load_balancer["LoadBalancerArn"]).get("WebACL")
    see.require(regional, "the load balancer has no web ACL")
    if regional:
        see.require(LOG4J_RULES in _rules(regional), f"{regional['Name']} lacks {LOG4J_RULES}")
        wafv2.get_logging_configuration(ResourceArn=regional["ARN"])
        see.saw(regional["Name"])


def _is_rate(rule: dict[str, Any]) -> bool:
    return "RateBasedStatement" in rule["Statement"]


def alarms(env: Deployed, see: Findings) -> None:
    """Alarms watch every part, and tell an encrypted topic of their region."""
    watched = {
        env.settings.region: ("alarms", {"AWS/ApplicationELB", "AWS/ECS", "AWS/DocDB", "AWS/NATGateway"}),
        GLOBAL_REGION: ("edge-alarms", {"AWS/CloudFront", "AWS/WAFV2"}),
    }
    for region, (purpose, namespaces) in watched.items():
        found = env.alarms(region)
        see.equal(f"unwatched in {region}", namespaces - {alarm.get("Namespace") for alarm in found}, set())
        topics = {action for alarm in found for action in alarm["AlarmActions"]}
        silent = [alarm["AlarmName"] for alarm in found if not (alarm["AlarmActions"] and alarm["ActionsEnabled"])]
        see.equal("alarms that tell nobody", silent, [])
        topic = only(sorted(topics), f"topic of the alarms in {region}")
        attributes = env.clients("sns", region).get_topic_attributes(TopicArn=topic)["Attributes"]
        key = attributes.get("KmsMasterKeyId", "").rpartition("/")[2]
        see.equal(f"{topic} key", key, env.key(purpose, region))


def evidence(env: Deployed, see: Findings) -> None:
    """Evidence can be neither changed nor deleted before its time."""
    held = env.clients("s3").get_object_lock_configuration(Bucket=env.bucket("evidence"))["ObjectLockConfiguration"]
    retention = held["Rule"]["DefaultRetention"]
    see.equal("mode", retention["Mode"], env.settings.evidence_retention_mode)
    see.equal("days", retention["Days"], env.settings.evidence_retention_days)


def buckets_keep_versions(env: Deployed, see: Findings) -> None:
    """Every bucket of the environment keeps versions, takes no access lists, and tells EventBridge what happens."""
    s3 = env.clients("s3")
    see.require(env.own_buckets, "there is no bucket of this environment")
    for bucket in env.own_buckets.values():
        see.equal(f"{bucket} versions", s3.get_bucket_versioning(Bucket=bucket).get("Status"), "Enabled")
        rules = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
        see.equal(f"{bucket} ownership", [rule["ObjectOwnership"] for rule in rules], ["BucketOwnerEnforced"])
        told = s3.get_bucket_notification_configuration(Bucket=bucket)
        see.require("EventBridgeConfiguration" in told, f"{bucket} tells EventBridge nothing")
        others = {key for key in told if key.endswith("Configurations")}
        see.equal(f"{bucket} tells others by", others, set())


def topics_want_tls(env: Deployed, see: Findings) -> None:
    """Topics of alarms refuse calls without TLS, and take messages from this account's alarms alone."""
    for region in (env.settings.region, GLOBAL_REGION):
        topics = {action for alarm in env.alarms(region) for action in alarm["AlarmActions"]}
        see.require(topics, f"there is no topic in {region}")
        for topic in sorted(topics):
            attributes = env.clients("sns", region).get_topic_attributes(TopicArn=topic)["Attributes"]
            found = json.loads(attributes["Policy"])["Statement"]
            refusing = [item for item in found if item["Effect"] == "Deny" and "aws:SecureTransport" in str(item)]
            see.require(refusing, f"{topic} wants no TLS")
            for item in found:
                account = item.get("Condition", {}).get("StringEquals", {}).get("aws:SourceAccount")
                see.require(item["Effect"] == "Deny" or account == env.account, f"{topic} takes messages from others")
            see.saw(topic)


CHECKS: tuple[CheckFunction, ...] = (
    keys_rotate,
    own_keys_are_used,
    log_groups,
    flow_logs,
    access_logs,
    buckets_tidy_up,
    buckets_keep_versions,
    topics_want_tls,
    firewall,
    alarms,
    evidence,
)
