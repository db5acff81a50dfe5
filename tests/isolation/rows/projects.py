# SPDX-License-Identifier: Apache-2.0
"""Rows of projects and quotas."""

from datetime import timedelta
from typing import Any

from aion import clock
from aion.people.quotas import request_quota
from aion.tenancy.models import Project, Quota, QuotaRequest
from tests.isolation.rows import MANAGERS, READERS, Row
from tests.worlds import Market, Tenant

PUBLIC: dict[str, int] = {}
SIGNED_IN: set[str] = set()
PORTAL: list[Row] = [
    Row("portal:project", READERS, "project"),
    Row("portal:project_members", MANAGERS, "project", "post", 302),
    Row("portal:project_archive", MANAGERS, "spare_project", "post", 302),
    Row("portal:project_reopen", MANAGERS, "spare_project", "post", 302),
    Row("portal:quotas", READERS),
    Row("portal:quota_withdraw", MANAGERS, "quota_request", "post", 302),
]
API_KINDS: tuple[str, ...] = ("withdraw",)
API: list[tuple[str, str | None, Any, Any]] = [
    ("project_member", "project", READERS, None),
    ("quota_request", "quota_request", READERS, MANAGERS),
    ("quota", "quota", READERS, None),
]
# A patch of members names the whole list, so an empty body is refused: its own row is in tests/projects.
API_WRITES: list[tuple[str, str, str, str, Any, int]] = [
    ("project", "project", "", "patch", MANAGERS, 200),
    ("quota_request", "quota_request", "/withdraw", "post", MANAGERS, 200),
]
PATHS: dict[str, str] = {"project_member": "project-members", "quota_request": "quota-requests", "quota": "quotas"}


def things(tenant: Tenant, market: Market) -> dict[str, str]:
    """Return the id of one thing of each kind."""
    row = request_quota(actor=tenant.actor(), milli_gpus=128_000, reason="Training", at=clock.now())
    # Orders are placed in the main project; this one may be archived.
    spare, _ = Project.objects.get_or_create(organisation=tenant.organisation, slug="spare", defaults={"name": "Spare"})
    return {
        "project": tenant.project.public_id,
        "spare_project": spare.public_id,
        "quota_request": row.public_id,
        "quota": _quota(tenant),
    }


def _quota(tenant: Tenant) -> str:
    """Return the id of a quota until tomorrow."""
    now = clock.now()
    asked = QuotaRequest.objects.create(
        organisation=tenant.organisation, milli_gpus_before=1000, milli_gpus=2000, reason="x", state="approved",
        asked_at=now, decided_at=now,
    )  # fmt: skip
    quota = Quota.objects.create(
        organisation=tenant.organisation, request=asked, milli_gpus=2000, since=now, until=now + timedelta(days=1)
    )
    return quota.public_id
