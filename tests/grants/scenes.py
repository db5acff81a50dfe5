# SPDX-License-Identifier: Apache-2.0
"""Scenes of grants: programmes that are open, and applications that are ready to be submitted."""

import itertools
from datetime import date, datetime, timedelta
from typing import Any

from aion.actor import Actor, Scope, Via
from marketplace.grants.models import Application, Criterion, Programme
from marketplace.grants.services.applications import save_step, start_application
from marketplace.grants.services.programmes import create_programme, publish_programme
from marketplace.grants.services.submission import submit
from tests.worlds import MICRO, NOW, Market, Tenant, make_tenant

PDF = b"%PDF-1.7\n" + b"x" * 64
PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 64
JPEG = b"\xff\xd8\xff\xe0" + b"x" * 64
_numbers = itertools.count(1)


def staff() -> Actor:
    """Return a member of staff."""
    return Actor(None, None, "staff", frozenset(Scope), Via.ADMIN, "staff@example.org")


def wish_of(organisation: Any, **changes: Any) -> dict[str, Any]:
    """Return the terms of a programme that runs for a month from a day before ``NOW``."""
    number = next(_numbers)
    return {
        "code": f"call-{number}",
        "name_en": f"Call {number}",
        "name_fr": f"Appel {number}",
        "summary_en": "Credits for good work.",
        "summary_fr": "Des crédits pour un bon travail.",
        "organisation": organisation,
        "funder": "AION",
        "money_source": "private_prize",
        "aid_regime": "none",
        "pot": 1_000_000 * MICRO,
        "cap_per_award": 100_000 * MICRO,
        "opens_at": NOW - timedelta(days=1),
        "closes_at": NOW + timedelta(days=30),
        "decision_on": date(2026, 5, 1),
        "rules": [],
    } | changes


def make_draft_programme(organisation: Any = None, at: datetime = NOW, **changes: Any) -> Programme:
    """Return a draft with two criteria of 60 and 40 per cent."""
    runs = organisation or make_tenant(credit=0, roles=()).organisation
    programme = create_programme(actor=staff(), wish=wish_of(runs, **changes), at=at)
    for position, (code, weight) in enumerate((("quality", 60), ("impact", 40)), 1):
        Criterion.objects.create(
            programme=programme, code=code, name_en=code.title(), name_fr=code.title(), weight=weight, position=position
        )
    return programme


def make_programme(organisation: Any = None, at: datetime = NOW, **changes: Any) -> Programme:
    """Return a published programme."""
    return publish_programme(actor=staff(), programme=make_draft_programme(organisation, at, **changes), at=at)


def content(market: Market, **changes: Any) -> dict[str, Any]:
    """Return all fields of a complete application that asks for 100 GPU-hours."""
    return {
        "title": "A Breton language model",
        "abstract": "We train a model.",
        "work_plan": "First data, then training.",
        "data_class": "open",
        "openness": "open",
        "ethics": "No personal data.",
        "acknowledgement": True,
        "team": [{"name": "Ana Le Goff", "email": "ana@lab.example", "role": "lead", "cv": "Ten years."}],
        "partners": [{"name": "Université de Rennes"}],
        "items": [{"title": "Training", "sku_code": market.sku.code, "gpu_hours": 100}],
    } | changes


def make_application(tenant: Tenant, programme: Programme, at: datetime = NOW) -> Application:
    """Return an empty draft."""
    return start_application(actor=tenant.actor(), programme=programme, at=at)


def ready_application(
    tenant: Tenant, programme: Programme, market: Market, at: datetime = NOW, **changes: Any
) -> Application:
    """Return a draft that is complete."""
    draft = make_application(tenant, programme, at)
    return save_step(
        actor=tenant.actor(), public_id=draft.public_id, step="", data=content(market, **changes), revision=1, at=at
    )


def submitted_application(
    tenant: Tenant, programme: Programme, market: Market, at: datetime = NOW, **changes: Any
) -> Application:
    """Return an application that was submitted."""
    draft = ready_application(tenant, programme, market, at, **changes)
    return submit(actor=tenant.actor(), public_id=draft.public_id, at=at)
