"""Reads {"schemas": {name: schema}, "events": [{"way", "headers", "body"}], "payloads": [{"type", "data"}]} and prints what is wrong.

Events are parsed by the CloudEvents SDK, which fills in what is absent; so what it makes of an event is compared with what was there.
"""

import json
import re
import sys

from cloudevents.core.bindings.http import HTTPMessage, from_http
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from jsonschema import Draft202012Validator, FormatChecker

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
OURS = {"sequence", "partitionkey", "aggregateversion", "recordedtime", "requestid", "correlationid", "authtype"}


def judge_event(case, schemas):
    body = case["body"]
    if case["headers"] is None:
        event = JSONFormat().read(CloudEvent, body)
    else:
        event = from_http(HTTPMessage(headers=case["headers"], body=body.encode()), JSONFormat(), CloudEvent)
        if case["headers"]["content-type"] != JSONFormat.CONTENT_TYPE:
            yield f"it comes as {case['headers']['content-type']}"
    there = json.loads(body)
    attributes = event.get_attributes()
    made_up = attributes.keys() - there.keys()
    if made_up:
        yield f"{sorted(made_up)} are not there: the SDK has filled them in"
    missing = OURS - attributes.keys()
    if missing:
        yield f"{sorted(missing)} are missing"
    for name, value in there.items():
        if name == "data":
            continue
        if not re.fullmatch("[a-z0-9]{1,20}", name):
            yield f"{name} is no name of an attribute"
        if name.endswith("time") and not RFC3339.fullmatch(value):
            yield f"{name} is {value}"
        if not isinstance(value, (str, int)) or isinstance(value, int) and abs(value) >= 2**31:
            yield f"{name} is {value!r}, which CloudEvents does not know"
    if there.get("dataschema") != schemas[there["type"]]["$id"]:
        yield f"dataschema is {there.get('dataschema')}"
    yield from judge_payload(schemas[there["type"]], event.get_data())


def judge_payload(schema, data):
    for error in Draft202012Validator(schema, format_checker=FormatChecker()).iter_errors(data):
        yield f"{error.json_path}: {error.message}"


def main():
    given = json.load(sys.stdin)
    wrong = []
    for schema in given["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for case in given.get("events", []):
        try:
            found = list(judge_event(case, given["schemas"]))
        except Exception as refused:
            found = [f"{type(refused).__name__}: {refused}"]
        wrong += [f"{case['way']}: {one}: {case['body']}" for one in found]
    for case in given.get("payloads", []):
        found = judge_payload(given["schemas"][case["type"]], case["data"])
        wrong += [f"{case['type']}: {one}" for one in found]
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


main()
