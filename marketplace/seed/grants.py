# SPDX-License-Identifier: Apache-2.0
"""The demo's calls: one awarded, one under way with a draft and a review, one with state money; and a promo code.

Everything goes through the services at the instants it would have happened, so the demo proves them once more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from aion.actor import Actor, Scope, Via
from aion.errors import Rejected
from aion.money import MICRO
from aion.tenancy.models import Organisation, OrganisationKind, Project, User
from aion.tenancy.roles import Role
from aion.tenancy.services.actors import actor_for
from billing.services.vouchers import PromoWish, request_promo_code
from marketplace.grants.models import Application, Criterion, Programme, ReviewAssignment
from marketplace.grants.services import applications, appointments, decisions, panel, programmes, reviews, submission
from marketplace.grants.states import AidRegime, DecisionKind, MoneySource, ProgrammeState
from marketplace.seed.people import STAFF, Person, join

RUNNER = "aion"
PILOT, STAKES, STATE_CALL = "raise-pilot", "raise-the-stakes", "ia-souveraine"
SKU = "h100-sxm"
PROMO_CODE = "HACK2026"
DAY = timedelta(days=1)
JUDGES = (
    Person("reviewer", "nora@review.example", "Nora Lindqvist", RUNNER, Role.REVIEWER),
    Person("reviewer (2nd)", "tomas@review.example", "Tomáš Novák", RUNNER, Role.REVIEWER),
    Person("funder", "hugo@prize.example", "Hugo Marchand", RUNNER, Role.VIEWER),
)
CRITERIA = (
    ("excellence", "Excellence", "Excellence", 40),
    ("impact", "Impact in Europe", "Impact en Europe", 35),
    ("plan", "Work plan and use of GPUs", "Plan de travail et emploi des GPU", 25),
)
RULES: list[dict[str, Any]] = [
    {"id": "kinds", "kind": "kind_in", "params": {"kinds": ["startup", "company", "research"]}},
    {"id": "europe", "kind": "country_in", "params": {"eu": True, "eea": True}},
    {"id": "once", "kind": "one_per_organisation"},
    {"id": "reports", "kind": "no_overdue_report"},
    {
        "id": "public",
        "kind": "attestation",
        "params": {
            "key": "public-summary",
            "text_en": "We agree that a summary of the results is published.",
            "text_fr": "Nous acceptons qu’un résumé des résultats soit publié.",
        },
    },
]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the demo; amounts in credits, days before (−) and after the day of the seed."""

    code: str
    name_en: str
    name_fr: str
    pot: int
    cap: int
    opens: int
    closes: int
    decision: int
    source: MoneySource = MoneySource.PRIVATE_PRIZE
    regime: AidRegime = AidRegime.NONE
    lot_days: int = 365


CALLS = (
    # The credits of the pilot expire before the others, so the history of the demo draws them down.
    Call(PILOT, "RAISE the Stakes, pilot", "RAISE the Stakes, pilote", 50_000, 20_000, -58, -48, -46, lot_days=120),
    Call(STAKES, "RAISE the Stakes", "RAISE the Stakes", 1_000_000, 100_000, -20, 30, 60),
    Call(STATE_CALL, "Sovereign AI for industry", "IA souveraine pour l’industrie", 300_000, 60_000, -5, 45, 75,
         MoneySource.STATE, AidRegime.DE_MINIMIS),
)  # fmt: skip
SUMMARY_EN = (
    "GPU-hours on sovereign European sites for teams that train open models. Apply with a work plan; two independent "
    "reviewers score each application, and the panel decides."
)
SUMMARY_FR = (
    "Des heures GPU sur des sites européens souverains pour les équipes qui entraînent des modèles ouverts. Candidatez "
    "avec un plan de travail ; deux évaluateurs indépendants notent chaque candidature, puis le jury décide."
)


@transaction.atomic
def seed_grants(*, at: datetime) -> None:
    """Make the calls with their applications, reviews and an award, as they stand at ``at``; twice adds nothing.

    All of it or nothing: a seed that was interrupted starts anew.
    """
    runner, _ = Organisation.objects.get_or_create(
        slug=RUNNER, defaults={"name": "AION", "kind": OrganisationKind.MEMBER, "country_id": "FR"}
    )
    for person in JUDGES:
        join(person)
    first, second = (_staff(email) for _kind, email, _name in STAFF)
    found = {call.code: _programme(call, runner, first, at) for call in CALLS}
    if not Application.objects.filter(programme__in=found.values()).exists():
        _pilot(found[PILOT], first, second, at)
        _stakes(found[STAKES], first, at)
    _promo_code(first, at)


def _staff(email: str) -> Actor:
    user = User.objects.get(email=email)
    return Actor(user.pk, None, "staff", frozenset(Scope), Via.COMMAND, email)


def _programme(call: Call, runner: Organisation, staff: Actor, at: datetime) -> Programme:
    found: Programme | None = Programme.objects.filter(code=call.code).first()
    if found is not None:
        return found
    wish: Mapping[str, Any] = {
        "code": call.code, "name_en": call.name_en, "name_fr": call.name_fr, "summary_en": SUMMARY_EN,
        "summary_fr": SUMMARY_FR, "organisation": runner, "funder": "AION", "money_source": call.source,
        "aid_regime": call.regime, "aid_decided_by": "" if call.regime == AidRegime.NONE else "Léo Garnier",
        "pot": call.pot * MICRO, "cap_per_award": call.cap * MICRO, "opens_at": at + call.opens * DAY,
        "closes_at": at + call.closes * DAY, "decision_on": (at + call.decision * DAY).date(),
        "lot_days": call.lot_days, "min_reviews": 2, "rules": RULES,
    }  # fmt: skip
    when = at + (call.opens - 1) * DAY
    programme = programmes.create_programme(actor=staff, wish=wish, at=when)
    for position, (code, english, french, weight) in enumerate(CRITERIA, 1):
        Criterion.objects.create(
            programme=programme, code=code, name_en=english, name_fr=french, weight=weight, position=position
        )
    for person in JUDGES:
        if person.role == Role.REVIEWER:
            reviewer = User.objects.get(email=person.email)
            appointments.appoint(actor=staff, programme=programme, reviewer=reviewer, at=when)
    return programmes.publish_programme(actor=staff, programme=programme, at=when)


def _pilot(programme: Programme, first: Actor, second: Actor, at: datetime) -> None:
    """Live through a whole call: applied, reviewed, ranked, awarded by two persons."""
    marta = actor_for(user=User.objects.get(email="marta@climat.example"), slug="institut-climat")
    application = draft_application(
        marta,
        programme,
        title="Seasonal forecasts at two kilometres",
        abstract="We train a weather model on open reanalysis data and publish it with its weights.",
        sku=SKU,
        gpu_hours=4_800,
        at=at - 56 * DAY,
    )
    submission.submit(actor=marta, public_id=application.public_id, at=at - 50 * DAY)
    for assignment in _assigned(programme, application, first, at - 50 * DAY):
        _review(assignment, (5, 4, 4), hand_in=True, at=at - 49 * DAY)
    programmes.move_on(actor=first, programme=programme, to=ProgrammeState.REVIEW, reason="Deadline", at=at - 48 * DAY)
    panel.open_panel(actor=first, programme=programme, reason="All reviews are in", at=at - 47 * DAY)
    application.refresh_from_db()
    decision = decisions.propose(
        actor=first,
        application=application,
        kind=DecisionKind.AWARD,
        amount=min(application.requested_amount, programme.cap_per_award),
        reason="Excellent science, data and weights open to all.",
        at=at - 46 * DAY,
    )
    decisions.approve_decision(actor=second, public_id=decision.public_id, at=at - 46 * DAY)
    programmes.move_on(actor=second, programme=programme, to=ProgrammeState.DECIDED, reason="Decided", at=at - 46 * DAY)


def _stakes(programme: Programme, staff: Actor, at: datetime) -> None:
    """Leave a call under way: one application in review, one still a draft."""
    ines = actor_for(user=User.objects.get(email="ines@lumen.example"), slug="atelier-lumen")
    application = draft_application(
        ines,
        programme,
        title="A speech model for twelve regional languages",
        abstract="We train an open speech model for Breton, Occitan, Basque and nine other languages.",
        sku=SKU,
        gpu_hours=20_000,
        at=at - 12 * DAY,
    )
    submission.submit(actor=ines, public_id=application.public_id, at=at - 6 * DAY)
    done, waiting = _assigned(programme, application, staff, at - 4 * DAY)
    _review(done, (4, 5, 4), hand_in=True, at=at - 2 * DAY)
    _review(waiting, (4, 3, 3), hand_in=False, at=at - DAY)
    marta = actor_for(user=User.objects.get(email="marta@climat.example"), slug="institut-climat")
    applications.start_application(actor=marta, programme=programme, at=at - 3 * DAY)


def draft_application(
    actor: Actor, programme: Programme, *, title: str, abstract: str, sku: str, gpu_hours: int, at: datetime
) -> Application:
    """Make a complete draft of ``actor``'s organisation that asks for ``gpu_hours`` of ``sku``."""
    application = applications.start_application(actor=actor, programme=programme, at=at)
    project = Project.objects.visible_to(actor).order_by("pk").first()
    data = {
        "title": title,
        "abstract": abstract,
        "work_plan": "Month 1: data and scaling runs. Months 2 and 3: training. Month 4: evaluation and release.",
        "project": project.public_id if project else "",
        "team": [{"name": "Project lead", "email": actor.label, "role": "Lead", "cv": ""}],
        "data_class": "open",
        "openness": "open",
        "ethics": "Public data only; no personal data.",
        "acknowledgement": True,
        "attestations": ["public-summary"],
        "items": [{"title": "Training", "sku_code": sku, "gpu_hours": gpu_hours}],
    }
    return applications.save_step(
        actor=actor, public_id=application.public_id, step="", data=data, revision=application.revision, at=at
    )


def _assigned(programme: Programme, application: Application, staff: Actor, at: datetime) -> list[ReviewAssignment]:
    reviews.assign_evenly(actor=staff, programme=programme, applications=[application], due_at=at + 14 * DAY, at=at)
    return list(application.reviews.select_related("reviewer").order_by("pk"))


def _review(assignment: ReviewAssignment, values: tuple[int, ...], *, hand_in: bool, at: datetime) -> None:
    actor, public_id = actor_for(user=assignment.reviewer, slug=RUNNER), assignment.public_id
    reviews.declare(actor=actor, public_id=public_id, conflict="", text="", at=at)
    scores = {
        code: reviews.ScoreWish(value, "Convincing, with a realistic plan.")
        for (code, *_rest), value in zip(CRITERIA, values, strict=True)
    }
    reviews.save_scores(actor=actor, public_id=public_id, scores=scores, overall="Fund it.")
    if hand_in:
        reviews.submit_review(actor=actor, public_id=public_id, at=at)


def _promo_code(staff: Actor, at: datetime) -> None:
    wish = PromoWish(
        code=PROMO_CODE,
        name="Hackathon 2026",
        amount=100 * MICRO,
        max_redemptions=50,
        starts_at=at,
        ends_at=at + 60 * DAY,
        lot_days=30,
        reason="Credits for the teams of the hackathon.",
    )
    try:
        request_promo_code(actor=staff, wish=wish, at=at)
    except Rejected as error:
        if error.field != "code":  # the code is there from an earlier seed
            raise
