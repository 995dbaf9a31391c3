"""Adds up JUnit files and prints "N passed, N failed"; names what failed. Exit code 1 when anything did, or when nothing ran.

Usage: count_results.py BROKEN FILE...   BROKEN: suites that ended without a result; each counts as one failure.
"""

import sys
import xml.etree.ElementTree as ElementTree

failed = int(sys.argv[1])
ran = failed
for path in sys.argv[2:]:
    for suite in ElementTree.parse(path).iter("testsuite"):
        skipped = int(suite.get("skipped", 0)) + int(suite.get("disabled", 0))
        # A skipped test has shown nothing: it counts as failed, so that none is left out unnoticed.
        failures = int(suite.get("failures", 0)) + int(suite.get("errors", 0)) + skipped
        ran += int(suite.get("tests", 0))
        failed += failures
        for case in suite.iter("testcase"):
            if any(case.find(tag) is not None for tag in ("failure", "error", "skipped")):
                print(f"failed: {path}: {case.get('classname')} {case.get('name')}")
print(f"{ran - failed} passed, {failed} failed")
sys.exit(1 if failed or not ran else 0)
