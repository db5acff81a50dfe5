# SPDX-License-Identifier: Apache-2.0
"""A whole demo of its own for the journeys: the same command, services and people as `make demo`."""

import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from aion.local.layout import free_port
from tests.chromium import find
from tests.journeys.screens import Door
from tests.local.cluster import migrated_cluster
from tests.local.test_replay_survives import environment

ROOT = Path(__file__).resolve().parents[2]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Tell what stood on the open pages when a journey failed."""
    report = yield
    if call.when == "call" and report.failed and "browser" in getattr(item, "funcargs", {}):
        from playwright.sync_api import Error

        for page in [page for context in item.funcargs["browser"].contexts for page in context.pages]:
            with suppress(Error):  # a page that cannot be read must not hide why the journey failed
                report.sections.append((page.url, page.locator("body").inner_text(timeout=5_000)))
    return report


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start the demo without the Helios month and return its address."""
    if find() is None:
        pytest.skip("NO CHROMIUM on this machine")
    port = free_port()
    env = environment(tmp_path_factory.mktemp("demo")) | migrated_cluster() | {"AION_PORT": str(port)}
    command = [sys.executable, "-m", "aion.local"]
    started = subprocess.run(
        [*command, "demo", "--no-replay"], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert started.returncode == 0, started.stdout + started.stderr
    yield f"http://127.0.0.1:{port}"
    subprocess.run([*command, "stop"], cwd=ROOT, env=env, check=True, capture_output=True)


@pytest.fixture(scope="session")
def door() -> Door:
    """Return what signs the people of the demo in."""
    return Door()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return a headless Chromium, for as long as the tests that follow each other here.

    Playwright leaves an event loop running in this thread: Django would give every later test of the session another
    database connection than its fixtures have, and no test could run a loop of its own.
    """
    from playwright.sync_api import sync_playwright

    flags = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-gpu"]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=find(), args=flags)
