# SPDX-License-Identifier: GPL-2.0-or-later
"""Judges policies by policies/schema.json with readers that are not ours.

    validate-policies.py SCHEMA GOOD... -- WRONG...     0: as it should be; 1: not; 77: a reader is missing

The schema must take each GOOD and refuse each WRONG, but for those that are wrong by what a schema cannot see.
"""
import json
import os
import sys

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(missing)
    sys.exit(77)

# Wrong by what stands elsewhere in the file: names that nothing has, entries that exclude each other.
BY_REFERENCE = """
after-use-mdev bind-sriov class-from-undivided class-from-unknown class-may-set class-parts-and-from class-parts-class
class-parts-itself class-parts-many class-parts-may-set class-parts-near-single class-parts-nested class-parts-none
class-parts-quota class-parts-reserved class-parts-set class-profile count-missing count-passthrough
duplicate-reservation duplicate-type expect-on-demand fill-count fill-ninth fill-on-demand fill-passthrough fill-vf
from-not-divided from-second from-twice keep-ahead keep-other keep-unknown layout-both layout-missing layout-sriov
memory-profiles memory-sriov one-tenant-passthrough orphan-grace-long qos-without-vlan rates-crossed reservation-class
reservation-class-near reservation-not-allowed reservation-tenant reservation-vlan scheduler-mixed service-mdev service-twice
service-vital share-by-alone share-fill share-mdev share-mig-on-demand share-mig-unnamed share-on-demand sizes-mig
tenants-lease-short tenants-quota-class tenants-quota-class-far tenants-reserved tenants-reserved-part-vfs
tenants-reserved-slices tenants-reserved-vfs use-twice use-unknown vf-mdev warm-ahead warm-other warm-sriov when-last-twice
when-may-set when-profile when-unreachable
""".split()

# Wrong by how it is written, which a reader no longer sees in the values: quotes, the same key twice, forms of
# numbers and booleans, what YAML has and policies do not use, depth; and ranges that run backwards.
BY_WRITING = """
address-unquoted alias boolean-on boolean-yes class-vlan-range directive duplicate-key duplicate-name id-unquoted
mac-multicast mac-unquoted match-deep name-ambiguous number-float number-hex number-octal quote-apostrophes
quote-escaped-line quote-lines serial-unquoted subsystem-unquoted text-folded vendor-unquoted
""".split()


def document(name):
    with open(name, encoding="utf-8") as f:
        return json.load(f) if name.endswith(".json") else yaml.safe_load(f)


def readable(name):
    try:
        return True, document(name)
    except (yaml.YAMLError, ValueError):
        return False, None


def check_good(validator, name):
    mistakes = list(validator.iter_errors(document(name)))
    for mistake in mistakes:
        print(f"{name}: {list(mistake.path)}: {mistake.message[:200]}")
    return not mistakes


def check_wrong(validator, name):
    stem = os.path.splitext(os.path.basename(name))[0]
    is_read, policy = readable(name)
    refused = not is_read or not validator.is_valid(policy)
    excepted = stem in BY_REFERENCE or stem in BY_WRITING
    if refused == excepted:
        print(f"{name}: the schema {'refuses it: no exception' if refused else 'takes it'}")
    return refused != excepted


def main(schema_file, names):
    with open(schema_file, encoding="utf-8") as f:
        schema = json.load(f)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    end = names.index("--")
    results = [check_good(validator, name) for name in names[:end]]
    results += [check_wrong(validator, name) for name in names[end + 1 :]]
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
