# SPDX-License-Identifier: Apache-2.0
"""Which tests stay on one worker: those that share something dear or something of which there is one."""

from xdist.scheduler import LoadScopeScheduling

# pytest-xdist's own groups write into an attribute that pytest has no more in 9.2: every test stood alone, and each
# worker started a demo for its share of the journeys.
TOGETHER = {"tests/journeys/": "journeys", "tests/local/test_restore_drill.py": "restore"}


class ByPlace(LoadScopeScheduling):
    """Give each test to whichever worker is free, and the tests of one place to one worker, the most first."""

    def _split_scope(self, nodeid: str) -> str:
        return next((group for place, group in TOGETHER.items() if nodeid.startswith(place)), nodeid)
