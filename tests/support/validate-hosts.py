# SPDX-License-Identifier: GPL-2.0-or-later
"""Judges host descriptions by sim/hosts/schema.json with readers that are not ours.

    validate-hosts.py SCHEMA FILE...     0: all fit; 1: one does not; 77: a reader is missing
"""
import json
import sys

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(missing)
    sys.exit(77)


def main(schema_file, files):
    with open(schema_file, encoding="utf-8") as f:
        schema = json.load(f)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    bad = 0
    for name in files:
        with open(name, encoding="utf-8") as f:
            host = yaml.safe_load(f)
        for mistake in validator.iter_errors(host):
            print(f"{name}: {list(mistake.path)}: {mistake.message[:200]}")
            bad += 1
        # A schema that takes everything would be no proof.
        root = next(iter(host["roots"].values()))
        root["slots"]["1.0"] = {"is": "root-port"}
        if validator.is_valid(host):
            print(f"{name}: the schema takes a slot \"1.0\"")
            bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
