"""What an injected fault does to a call of AWS: it waits, is cut off, or gets an error in its own protocol.

The codes are those of the services' lists of common errors, such as
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html,
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html and
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html.
"""

from __future__ import annotations

import socket
import struct
import time
from typing import Final, NamedTuple
from wsgiref.types import StartResponse, WSGIEnvironment

from prod_infra.local_aws.calls import Call, recognized
from prod_infra.local_aws.faults import injected_faults
from prod_infra.local_aws.refusals.refused import Refused

# By service or else by protocol: (code, status) of a throttled and of a failed call.
THROTTLED: Final = {
    "s3": ("SlowDown", 503),
    "ec2": ("RequestLimitExceeded", 503),
    "query": ("Throttling", 400),
    "rest-xml": ("Throttling", 400),
    "json": ("ThrottlingException", 400),
    "rest-json": ("ThrottlingException", 429),
}
FAILED: Final = {"s3": ("InternalError", 500), "ec2": ("InternalError", 500)}


class Effect(NamedTuple):
    """What the faults do to one call: seconds to wait first, and the fault that answers in the service's place."""

    call: Call
    delay: float
    fault: injected_faults.Fault | None


def effect(environ: WSGIEnvironment) -> Effect | None:
    """Return what the faults in force do to a call, and count it against them; None if nothing."""
    faults = [fault for kind in ("latency", "reset", "throttle", "error") for fault in injected_faults.active(kind)]
    call = recognized(environ) if faults else None
    if call is None:
        return None
    delay, answering = 0.0, None
    for fault in faults:
        members = fault.members
        if members.get("service", min(call.services)) not in call.services:
            continue
        if members.get("operation", call.operation.name) != call.operation.name:
            continue
        if fault.kind == "latency":
            delay += members["seconds"]
        elif answering is None:
            answering = fault
        else:
            continue
        injected_faults.spend(fault)
    return Effect(call, delay, answering) if delay or answering else None


def carry_out(what: Effect, environ: WSGIEnvironment, start_response: StartResponse) -> bytes | None:
    """Wait, then return the body of the answer; None where the service answers after all.

    Raises:
        ConnectionResetError: the call is cut off with nothing said; the server then drops the request.
    """
    time.sleep(what.delay)
    fault = what.fault
    if fault is None:
        return None
    if fault.kind == "reset":
        connection: socket.socket = environ["werkzeug.socket"]
        # With a linger time of zero the kernel sends RST and not FIN.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
        raise ConnectionResetError("an injected fault cuts this call off")
    codes = THROTTLED if fault.kind == "throttle" else FAILED
    code, status = codes.get(min(what.call.services)) or codes.get(what.call.protocol, ("InternalFailure", 500))
    error = Refused(fault.members.get("code", code), f"prod_infra's {fault.id} answers this call")
    return what.call.answer(error, start_response, fault.members.get("status", status))
