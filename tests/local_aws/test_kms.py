"""Tests of AWS KMS's extension."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from prod_infra.local_aws.clients import Clients


def test_symmetric_key_has_no_public_key(clients: Clients) -> None:
    """GetPublicKey of a symmetric key is refused with AWS's code."""
    kms = clients("kms")
    with pytest.raises(ClientError) as refused:
        kms.get_public_key(KeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    assert refused.value.response["Error"]["Code"] == "UnsupportedOperationException"


def test_asymmetric_key_signs(clients: Clients) -> None:
    """An RSA key has its pair: what it signs, it verifies."""
    kms = clients("kms")
    key = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    signed = kms.sign(KeyId=key, Message=b"x", SigningAlgorithm="RSASSA_PSS_SHA_256")["Signature"]
    asked = {"KeyId": key, "Message": b"x", "SigningAlgorithm": "RSASSA_PSS_SHA_256"}
    assert kms.verify(**asked, Signature=signed)["SignatureValid"]
