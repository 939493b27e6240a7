"""The messages of mesh.proto by Google's protobuf, and what the rest of the peer shares."""

import base64
import ipaddress
import json
import os
import sys
import tempfile
import threading

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from grpc_tools import protoc

_FOLDER = os.path.dirname(os.path.abspath(__file__))
_WELL_KNOWN = os.path.join(os.path.dirname(protoc.__file__), "_proto")


def _classes():
    with tempfile.NamedTemporaryFile() as file:
        arguments = ["protoc", f"-I{_FOLDER}", f"-I{_WELL_KNOWN}", "--include_imports", f"-o{file.name}", "mesh.proto"]
        if protoc.main(arguments) != 0:
            sys.exit("mesh.proto does not compile")
        files = descriptor_pb2.FileDescriptorSet.FromString(file.read()).file
    pool = descriptor_pool.DescriptorPool()
    for each in files:
        pool.Add(each)
    return message_factory.GetMessageClassesForFiles(["mesh.proto"], pool)


_CLASSES = _classes()


def kind(name):
    return _CLASSES["mesh." + name]


URLS = {
    "address": "type.googleapis.com/istio.workload.Address",
    "policy": "type.googleapis.com/istio.security.Authorization",
}
_MESSAGES = {"address": "Address", "policy": "Authorization"}


def _with_bytes(value):
    """Addresses as text become the bytes that they are on the wire, in base64 as protobuf's JSON has it."""
    if isinstance(value, list):
        return [_with_bytes(each) for each in value]
    if not isinstance(value, dict):
        return value
    changed = {}
    for name, each in value.items():
        if name == "addresses" and all(isinstance(text, str) for text in each):
            changed[name] = [_packed(text) for text in each]
        elif name == "address" and isinstance(each, str):
            changed[name] = _packed(each)
        else:
            changed[name] = _with_bytes(each)
    return changed


def _packed(text):
    octets = bytes.fromhex(text[4:]) if text.startswith("hex:") else ipaddress.ip_address(text).packed
    return base64.b64encode(octets).decode()


def encode(kind_name, value):
    """The bytes of a resource that is given as protobuf JSON; `hex:...` instead of an address is taken as it is."""
    return json_format.ParseDict(_with_bytes(value), kind(_MESSAGES[kind_name])()).SerializeToString()


def as_json(message):
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


_printing = threading.Lock()


def tell(event, **fields):
    """One line for the test."""
    with _printing:
        sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
        sys.stdout.flush()
