# SPDX-License-Identifier: Apache-2.0
"""Rows of calls and applications."""

from datetime import timedelta
from typing import Any

from django.core.files.base import ContentFile

from aion import clock
from marketplace.grants.services.attachments import attach
from tests.grants.scenes import PDF, make_application, make_programme
from tests.isolation.rows import LAUNCHERS, READERS, Row
from tests.worlds import Market, Tenant

PUBLIC: dict[str, int] = {"portal:calls": 200, "portal:call": 200}
SIGNED_IN: set[str] = set()
STEPS = ("organisation", "project", "workload", "estimate", "documents", "review")
PORTAL: list[Row] = [
    Row("portal:grants", READERS),
    Row("portal:grant_apply", LAUNCHERS, "", "post", 302),
    Row("portal:application", READERS, "application"),
    *(Row(f"portal:application_{step}", READERS, "application") for step in STEPS),
    Row("portal:application_submit", LAUNCHERS, "application", "post", 302),
    Row("portal:application_withdraw", LAUNCHERS, "application", "post", 302),
    Row("portal:grant_file", READERS, "attachment"),
    Row("portal:grant_file_remove", LAUNCHERS, "attachment", "post", 302),
]
API_KINDS: tuple[str, ...] = ("submit", "withdraw")
API: list[tuple[str, str | None, Any, Any]] = [
    ("grant_programme", None, READERS, None),
    ("grant_application", "application", READERS, LAUNCHERS),
    ("grant_estimate", None, None, READERS),
]
# A patch without the revision that was read and a submission without content are refused, after the lookup.
API_WRITES: list[tuple[str, str, str, str, Any, int]] = [
    ("grant_application", "application", "", "patch", LAUNCHERS, 422),
    ("grant_application", "application", "/submit", "post", LAUNCHERS, 422),
    ("grant_application", "application", "/withdraw", "post", LAUNCHERS, 200),
]
PATHS: dict[str, str] = {
    "grant_programme": "grant-programmes",
    "grant_application": "grant-applications",
    "grant_estimate": "grant-estimates",
}


def things(tenant: Tenant, _market: Market) -> dict[str, str]:
    """Return a draft of a call of its own, with one file."""
    now = clock.now()
    programme = make_programme(
        tenant.organisation,
        now,
        opens_at=now - timedelta(days=1),
        closes_at=now + timedelta(days=30),
        decision_on=(now + timedelta(days=60)).date(),
    )
    application = make_application(tenant, programme, now)
    file = attach(
        actor=tenant.actor(),
        public_id=application.public_id,
        kind="cv",
        name="cv.pdf",
        file=ContentFile(PDF, name="cv.pdf"),
        at=now,
    )
    return {"application": application.public_id, "attachment": file.public_id}
