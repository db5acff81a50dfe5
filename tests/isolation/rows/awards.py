# SPDX-License-Identifier: Apache-2.0
"""Rows of reviews, awards, reports, promo codes."""

from typing import Any

from django.core.files.base import ContentFile

from aion import clock
from aion.tenancy.roles import Role
from marketplace.grants.models import Application, Attachment, Award, Programme, ReviewAssignment
from marketplace.grants.services import reports
from marketplace.grants.states import ReviewState
from tests.grants.award_scenes import award, make_application, make_programme
from tests.isolation.rows import LAUNCHERS, PAYERS, READERS, Row
from tests.worlds import NOW, Market, Tenant, make_tenant

REVIEWERS = {Role.REVIEWER}
PUBLIC: dict[str, int] = {}
SIGNED_IN: set[str] = set()
# An empty form changes nothing: those who may act are told what is missing.
PORTAL: list[Row] = [
    Row("portal:redeem", PAYERS),
    Row("portal:reviews", REVIEWERS),
    Row("portal:review", REVIEWERS, "review"),
    Row("portal:review_declare", REVIEWERS, "review", "post", 422),
    Row("portal:review_submit", REVIEWERS, "review", "post", 422),
    Row("portal:review_file", REVIEWERS, "review_file"),
    Row("portal:awards", READERS),
    Row("portal:award", READERS, "award"),
    Row("portal:award_letter", READERS, "award"),
    Row("portal:award_extend", LAUNCHERS, "award"),
    Row("portal:award_report", READERS, "award"),
    Row("portal:award_report_submit", LAUNCHERS, "award", "post", 422),
    Row("portal:programmes", READERS),
    Row("portal:programme", READERS, "programme"),
    Row("portal:programme_csv", READERS, "programme"),
    Row("portal:programme_pdf", READERS, "programme"),
]
API_KINDS: tuple[str, ...] = ("declare", "file")
API: list[tuple[str, str | None, Any, Any]] = [
    ("promo_redemption", None, READERS, PAYERS),
    ("grant_award", "award", READERS, None),
    ("review", "review", REVIEWERS, None),
]
# Without a declaration in its body, and without scores, a review is refused after the lookup.
API_WRITES: list[tuple[str, str, str, str, Any, int]] = [
    ("review", "review", "", "patch", REVIEWERS, 200),
    ("review", "review", "/declare", "post", REVIEWERS, 422),
    ("review", "review", "/submit", "post", REVIEWERS, 422),
]
PATHS: dict[str, str] = {
    "promo_redemption": "promo-redemptions",
    "grant_award": "grant-awards",
    "review": "reviews",
}


def things(tenant: Tenant, market: Market) -> dict[str, str]:
    """Return the id of one thing of each kind."""
    slug = tenant.organisation.slug
    found = Programme.objects.filter(organisation=tenant.organisation, code=f"run-by-{slug}").first()
    programme = found or make_programme(tenant, code=f"run-by-{slug}", state="review")
    mine = Award.objects.filter(organisation=tenant.organisation).first()
    if mine is None:
        mine = award(make_application(tenant, make_programme(tenant)), at=clock.now())
        reports.save_report(
            actor=tenant.actor(), public_id=mine.public_id, results="", publications="", difficulties=""
        )
    review, file = _review(tenant, programme)
    return {
        "award": mine.public_id,
        "programme": programme.public_id,
        "review": review.public_id,
        "review_file": file.public_id,
    }


def _review(tenant: Tenant, programme: Programme) -> tuple[ReviewAssignment, Attachment]:
    application = Application.objects.filter(programme=programme).first()
    if application is None:
        application = make_application(make_tenant(credit=0, roles=()), programme, state="draft")
        Attachment.objects.create(
            application=application, organisation=application.organisation, kind="cv", name="cv.pdf",
            media_type="application/pdf", size=4, sha256="x", file=ContentFile(b"%PDF", "cv.pdf"), at=NOW,
        )  # fmt: skip
        Application.objects.filter(pk=application.pk).update(state="in_review")
        ReviewAssignment.objects.create(
            organisation=tenant.organisation, application=application, reviewer=tenant.people[Role.REVIEWER],
            due_at=NOW, assigned_at=NOW, state=ReviewState.ACCEPTED, declared_at=NOW,
        )  # fmt: skip
    return application.reviews.get(), application.attachments.get()
