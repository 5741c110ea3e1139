"""What is set on an S3 bucket, each setting its own resource as pulumi-aws has it."""

from __future__ import annotations

import json

from prod_infra.local_aws.provider.handler import Handler
from prod_infra.local_aws.provider.handlers.common import absent_is_fine, camel, compact, found, json_text, pascal
from prod_infra.local_aws.provider.handlers.s3 import NO_BUCKET
from prod_infra.properties import Props


class OnBucket(Handler):
    """A setting of one bucket: the bucket's name is its ID, and putting it again is its update."""

    missing: tuple[str, ...]
    """AWS's error codes that say the bucket has no such setting."""

    def put(self, bucket: str, inputs: Props) -> None:
        """Set it."""
        raise NotImplementedError

    def get(self, bucket: str) -> Props | None:
        """Return the setting's own properties; None if there are none."""
        raise NotImplementedError

    def remove(self, bucket: str) -> None:
        """Unset it."""
        raise NotImplementedError

    def create(self, inputs: Props) -> str:
        """Put the setting on the bucket."""
        self.put(inputs["bucket"], inputs)
        return self.made(str(inputs["bucket"]))

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the setting as the bucket has it."""
        del state
        held = found(lambda: self.get(resource_id), *NO_BUCKET, *self.missing)
        return None if held is None else {"bucket": resource_id, **held}

    def update(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Put the setting as a whole."""
        del old, changed
        self.put(resource_id, new)

    def delete(self, resource_id: str, state: Props) -> None:
        """Take the setting off the bucket."""
        del state
        with absent_is_fine(*NO_BUCKET, *self.missing):
            self.remove(resource_id)

    def find(self, inputs: Props) -> str | None:
        """Return the bucket's name if it has such a setting."""
        return None if self.read(inputs["bucket"], inputs) is None else str(inputs["bucket"])


class BucketPublicAccessBlock(OnBucket):
    """The four switches that keep a bucket private."""

    token = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
    _switches = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    inputs = frozenset({"bucket", "skipDestroy", *_switches})
    replace_on = frozenset({"bucket"})
    defaults = dict.fromkeys(_switches, False)
    write_only = frozenset({"skipDestroy"})
    missing = ("NoSuchPublicAccessBlockConfiguration",)

    def put(self, bucket: str, inputs: Props) -> None:
        """Set all four switches."""
        switches = pascal({name: bool(inputs.get(name)) for name in self._switches})
        self.clients("s3").put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=switches)

    def get(self, bucket: str) -> Props:
        """Return all four switches."""
        held = camel(self.clients("s3").get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"])
        return {name: bool(held.get(name)) for name in self._switches}

    def read(self, resource_id: str, state: Props) -> Props | None:
        """Return the switches, with `skipDestroy` as it was."""
        held = super().read(resource_id, state)
        return held and {**held, **compact({"skipDestroy": state.get("skipDestroy")})}

    def delete(self, resource_id: str, state: Props) -> None:
        """Take the switches off, unless `skipDestroy` asks to leave them."""
        if not state.get("skipDestroy"):
            super().delete(resource_id, state)

    def remove(self, bucket: str) -> None:
        """Delete the configuration."""
        self.clients("s3").delete_public_access_block(Bucket=bucket)


class BucketVersioning(OnBucket):
    """Versioning; once enabled it can only be suspended, which is what deleting this does."""

    token = "aws:s3/bucketVersioning:BucketVersioning"
    inputs = frozenset({"bucket", "versioningConfiguration"})
    nested_inputs = {"versioningConfiguration": frozenset({"status", "mfaDelete"})}
    replace_on = frozenset({"bucket"})
    missing = ()

    def put(self, bucket: str, inputs: Props) -> None:
        """Set the status; `Disabled` is how a bucket is born and can't be put."""
        wanted = inputs["versioningConfiguration"]
        if wanted["status"] != "Disabled":
            configuration = compact({"Status": wanted["status"], "MFADelete": wanted.get("mfaDelete")})
            self.clients("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration=configuration)

    def get(self, bucket: str) -> Props:
        """Return the status, `Disabled` where it was never set."""
        held = self.clients("s3").get_bucket_versioning(Bucket=bucket)
        configuration = {"status": held.get("Status", "Disabled"), "mfaDelete": held.get("MFADelete")}
        return {"versioningConfiguration": compact(configuration)}

    def remove(self, bucket: str) -> None:
        """Suspend versioning where it was ever enabled; with Object Lock on, S3 keeps it enabled for ever."""
        s3 = self.clients("s3")
        if s3.get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled":
            with absent_is_fine("InvalidBucketState"):
                s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


class BucketServerSideEncryptionConfiguration(OnBucket):
    """Default encryption of a bucket."""

    token = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    inputs = frozenset({"bucket", "rules"})
    nested_inputs = {
        "rules": frozenset({"applyServerSideEncryptionByDefault", "bucketKeyEnabled"}),
        "rules.applyServerSideEncryptionByDefault": frozenset({"sseAlgorithm", "kmsMasterKeyId"}),
    }
    replace_on = frozenset({"bucket"})
    missing = ("ServerSideEncryptionConfigurationNotFoundError",)

    def put(self, bucket: str, inputs: Props) -> None:
        """Set the rules."""
        rules = []
        for rule in inputs["rules"]:
            algorithm = rule.get("applyServerSideEncryptionByDefault") or {}
            default = compact(
                {"SSEAlgorithm": algorithm.get("sseAlgorithm"), "KMSMasterKeyID": algorithm.get("kmsMasterKeyId")}
            )
            rules.append(
                compact(
                    {
                        "ApplyServerSideEncryptionByDefault": default or None,
                        "BucketKeyEnabled": rule.get("bucketKeyEnabled"),
                    }
                )
            )
        self.clients("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": rules})

    def get(self, bucket: str) -> Props:
        """Return the rules."""
        held = self.clients("s3").get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        return {"rules": [self._rule(rule) for rule in held]}

    @staticmethod
    def _rule(rule: Props) -> Props:
        default = rule.get("ApplyServerSideEncryptionByDefault")
        return compact(
            {
                "applyServerSideEncryptionByDefault": default
                and compact(
                    {"sseAlgorithm": default.get("SSEAlgorithm"), "kmsMasterKeyId": default.get("KMSMasterKeyID")}
                ),
                "bucketKeyEnabled": rule.get("BucketKeyEnabled"),
            }
        )

    def remove(self, bucket: str) -> None:
        """Go back to S3's own default."""
        self.clients("s3").delete_bucket_encryption(Bucket=bucket)


class BucketOwnershipControls(OnBucket):
    """Who owns uploaded objects; `BucketOwnerEnforced` turns ACLs off."""

    token = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
    inputs = frozenset({"bucket", "rule"})
    nested_inputs = {"rule": frozenset({"objectOwnership"})}
    replace_on = frozenset({"bucket"})
    missing = ("OwnershipControlsNotFoundError",)

    def put(self, bucket: str, inputs: Props) -> None:
        """Set the one rule."""
        rules = {"Rules": [{"ObjectOwnership": inputs["rule"]["objectOwnership"]}]}
        self.clients("s3").put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=rules)

    def get(self, bucket: str) -> Props:
        """Return the one rule."""
        held = self.clients("s3").get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
        return {"rule": camel(held[0])}

    def remove(self, bucket: str) -> None:
        """Delete the rule."""
        self.clients("s3").delete_bucket_ownership_controls(Bucket=bucket)


class BucketPolicy(OnBucket):
    """The bucket's resource policy."""

    token = "aws:s3/bucketPolicy:BucketPolicy"
    inputs = frozenset({"bucket", "policy"})
    replace_on = frozenset({"bucket"})
    json_inputs = frozenset({"policy"})
    missing = ("NoSuchBucketPolicy",)

    def faults(self, inputs: Props) -> dict[str, str]:
        """Refuse a policy that is no JSON."""
        policy = inputs.get("policy")
        if isinstance(policy, str):
            try:
                json.loads(policy)
            except ValueError as error:
                return {"policy": f"is not JSON: {error}"}
        return {}

    def put(self, bucket: str, inputs: Props) -> None:
        """Set the policy."""
        self.clients("s3").put_bucket_policy(Bucket=bucket, Policy=json_text(inputs["policy"]))

    def get(self, bucket: str) -> Props:
        """Return the policy as AWS holds it."""
        return {"policy": self.clients("s3").get_bucket_policy(Bucket=bucket)["Policy"]}

    def remove(self, bucket: str) -> None:
        """Delete the policy."""
        self.clients("s3").delete_bucket_policy(Bucket=bucket)


HANDLERS: tuple[type[Handler], ...] = (
    BucketPublicAccessBlock,
    BucketVersioning,
    BucketServerSideEncryptionConfiguration,
    BucketOwnershipControls,
    BucketPolicy,
)
