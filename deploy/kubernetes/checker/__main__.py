"""Checks the manifests; the exit code is 1 where there is a fault. Run by `deploy/kubernetes/check`."""

import sys

import yaml

import rules
import self_test
from manifests import Manifests


def find_faults(manifests):
    # The other rules rely on the fields that the schemas require.
    if faults := list(rules.schema(manifests)):
        return faults
    return [fault for rule in rules.ALL for fault in rules.apply(rule, manifests)]


def main(arguments):
    if set(arguments) - {"--self-test"}:
        sys.exit("usage: deploy/kubernetes/check [--self-test]")
    try:
        manifests = Manifests.read()
    except yaml.YAMLError as error:
        sys.exit(f"a manifest is no valid YAML: {error}")
    faults = find_faults(manifests)
    if "--self-test" in arguments and not faults:
        faults = list(self_test.run(manifests))
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults:
        sys.exit(f"faults: {len(faults)}")
    tested = f"; {len(self_test.FAULTS)} planted faults found" if "--self-test" in arguments else ""
    print(f"{len(manifests.objects())} objects are valid for Kubernetes {rules.VERSIONS[0]} to {rules.VERSIONS[-1]}{tested}")


main(sys.argv[1:])
