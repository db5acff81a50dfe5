# SPDX-License-Identifier: Apache-2.0
"""Which tests stay on one worker: those that share something dear or something of which there is one."""

import pytest
from xdist.scheduler import LoadScopeScheduling

# pytest-xdist's own groups write into an attribute that pytest has no more in 9.2: every test stood alone, and each
# worker started a demo for its share of the journeys.
TOGETHER = {
    "tests/journeys/": "journeys",
    "tests/isolation/": "isolation",
    "tests/local/test_restore_drill.py": "restore",
    "tests/local/test_kills.py": "kills",
    "tests/local/test_demo_survives.py": "survives",
}
# Each of these takes half a minute or more.
LONG = (
    "tests/local/",
    "tests/billing/machine/",
    "tests/billing/test_export.py::test_two_hundred_thousand",
    "tests/marketplace/test_history.py::test_an_interrupted_history",
    "tests/api/test_openapi.py::test_generated_requests",
    "tests/clusters/test_ingest_paths.py::test_a_run_without",
    "tests/marketplace/test_catalogue.py::test_filters_order",
    "tests/purchases/test_killed.py",
    "tests/purchases/test_chaos.py",
)


def longest_first(items: list[pytest.Item]) -> None:
    """Move the long tests to the front."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


class ByPlace(LoadScopeScheduling):
    """Give each test to whichever worker is free, and the tests of one place to one worker, the most first."""

    def _split_scope(self, nodeid: str) -> str:
        return next((group for place, group in TOGETHER.items() if nodeid.startswith(place)), nodeid)
