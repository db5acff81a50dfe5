# SPDX-License-Identifier: Apache-2.0
"""Prometheus metrics of the web process."""

from prometheus_client import Counter, Histogram

REQUESTS = Counter("aion_http_requests_total", "Requests by method, route and status", ["method", "route", "status"])
LATENCY = Histogram("aion_http_request_seconds", "Time to answer by route", ["route"])
