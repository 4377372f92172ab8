"""Stubs that grpcio-tools makes of the .proto files, and how they are called.

SCRIPT PROTO_DIRECTORY HOST:PORT …
"""

import glob
import importlib.resources
import sys
import tempfile
import time

import grpc
from grpc_tools import protoc

PATIENCE = 180


def generate(directory):
    """Makes the stubs and lets Python find them."""
    out = tempfile.mkdtemp()
    files = glob.glob(f"{directory}/taskledger/v1/*.proto") + glob.glob(f"{directory}/google/*/*.proto")
    own = str(importlib.resources.files("grpc_tools") / "_proto")
    made = protoc.main(["protoc", f"-I{directory}", f"-I{own}", f"--python_out={out}", f"--grpc_python_out={out}", *files])
    assert made == 0, made
    sys.path.insert(0, out)


generate(sys.argv[1])

from google.rpc import error_details_pb2, status_pb2  # noqa: E402

channel = grpc.insecure_channel(sys.argv[2])


def details(error):
    """The details of a refusal, by the name of their message."""
    found = dict(error.trailing_metadata()).get("grpc-status-details-bin", b"")
    unpacked = {}
    for detail in status_pb2.Status.FromString(found).details:
        name = detail.TypeName().rsplit(".", 1)[1]
        unpacked[name] = getattr(error_details_pb2, name).FromString(detail.value)
    return unpacked


def refused(code, reason, call, *arguments, **more):
    try:
        answer = call(*arguments, **more)
    except grpc.RpcError as error:
        found = details(error)
        seen = (error.code(), found["ErrorInfo"].reason)
        assert seen == (code, reason), f"{seen}: {error.details()}"
        return error, found
    raise AssertionError(f"not refused: {answer}")


def until(call, *arguments, **more):
    """Calls again while it is UNAVAILABLE: that is what the code asks for."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return call(*arguments, **more)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE or time.monotonic() > end:
                raise
            time.sleep(0.1)
