"""Reads a page of OpenMetrics from standard input as strictly as its reference does; prints what it found as JSON."""

import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

families = list(text_string_to_metric_families(sys.stdin.read()))
for family in families:
    if not family.documentation:
        sys.exit(f"{family.name} has no HELP")
json.dump({family.name: {"type": family.type, "unit": family.unit, "samples": len(family.samples)} for family in families}, sys.stdout)
