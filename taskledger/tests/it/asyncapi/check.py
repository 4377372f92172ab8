"""Reads {"schema", "document"} and prints what the schema says is wrong with the document."""

import json
import sys

from jsonschema import Draft7Validator


def leaves(error):
    """What is wrong at the bottom of it."""
    if not error.context:
        yield f"{error.json_path}: {error.message[:300]}"
    for inner in error.context:
        yield from leaves(inner)


given = json.load(sys.stdin)
Draft7Validator.check_schema(given["schema"])
wrong = [leaf for error in Draft7Validator(given["schema"]).iter_errors(given["document"]) for leaf in leaves(error)]
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
