# SPDX-License-Identifier: Apache-2.0
"""What several journeys do on their way."""

from typing import Any


def run_and_stop(page: Any, *, gpus: str, hours: str, name: str, total: str) -> float:
    """Launch from the form that is open, watch the workload run and cost, stop it. Return what it was charged.

    ``total`` is what the estimate must show before the launch, in credits.
    """
    for field, value in {"gpus": gpus, "hours": hours, "name": name}.items():
        page.fill(f"input[name={field}]", value)
    page.locator("#estimate .total").filter(has_text=total).wait_for()
    page.click("main button[type=submit]")
    page.wait_for_url("**/workloads/wl_*/")
    live = page.locator("#workload-live")
    live.locator(".stat .status").filter(has_text="Running").wait_for(timeout=60_000)
    live.locator(".stat-value").first.filter(has_not_text="0.0000").wait_for(timeout=60_000)
    page.click("text=Stop workload")
    page.click("#confirm-stop")
    live.locator(".stat .status").filter(has_text="Cancelled").wait_for(timeout=90_000)
    charge = float(live.locator(".stat-value").first.inner_text().split()[0])
    assert 0 < charge < float(total), charge
    return charge
