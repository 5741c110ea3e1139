"""What a client reads when moto itself fails: an AWS error that says so, and that no SDK retries."""

from __future__ import annotations

import json
from typing import Final
from wsgiref.types import WSGIEnvironment
from xml.sax.saxutils import escape

# SDKs retry 500, 502, 503 and 504 for minutes; what the local AWS lacks will not appear meanwhile.
STATUS: Final = "501 NOT IMPLEMENTED"


def body(environ: WSGIEnvironment, error: Exception) -> tuple[str, bytes]:
    """Return content type and body, in the protocol of the call, for an exception that moto let through."""
    code = "NotImplemented" if isinstance(error, NotImplementedError) else "LocalAwsFault"
    message = f"the local AWS can't do this: {type(error).__name__}: {error}"
    scope = environ.get("HTTP_AUTHORIZATION", "")
    # What names itself by its path alone may have no content type.
    by_path = "/arc-zonal-shift/aws4_request" in scope
    if by_path or "HTTP_X_AMZ_TARGET" in environ or "json" in environ.get("CONTENT_TYPE", ""):
        return "application/x-amz-json-1.1", json.dumps({"__type": code, "message": message}).encode()
    detail = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
    if "/ec2/aws4_request" in scope:
        xml = f"<Response><Errors><Error>{detail}</Error></Errors><RequestID>local</RequestID></Response>"
    elif "/s3/aws4_request" in scope:
        xml = f"<Error>{detail}</Error>"
    else:
        xml = f"<ErrorResponse><Error><Type>Receiver</Type>{detail}</Error><RequestId>local</RequestId></ErrorResponse>"
    return "text/xml", xml.encode()
