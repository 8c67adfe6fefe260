# SPDX-License-Identifier: GPL-2.0
"""Reads OpenMetrics from standard input with the parser of Prometheus's client library."""
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

families = list(text_string_to_metric_families(sys.stdin.read()))
print(f"# {len(families)} families, {sum(len(f.samples) for f in families)} samples")
sys.exit(not families)
