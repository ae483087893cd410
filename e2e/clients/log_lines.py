"""Validates log lines on standard input, one JSON object each, against the schema whose path is the argument."""

import json
import sys

from jsonschema import Draft202012Validator

with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
invalid = 0
for line in sys.stdin:
    for error in validator.iter_errors(json.loads(line)):
        print(f"{error.json_path}: {error.message}\n{line}", file=sys.stderr)
        invalid += 1
sys.exit(1 if invalid else 0)
