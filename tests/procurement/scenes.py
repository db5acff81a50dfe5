# SPDX-License-Identifier: Apache-2.0
"""Quotes, agreements and orders in the state that a test begins with."""

import itertools
from datetime import date, timedelta
from typing import Any

import pytest

from aion.errors import DomainError
from aion.people.organisations import IdentityWish, set_legal_identity
from aion.tenancy.models import LegalIdentity
from billing.invoicing.models import Document
from billing.invoicing.services.issuing import issue_document
from billing.procurement.models import FrameworkAgreement, PurchaseOrder, Quote, ServiceAttestation
from billing.procurement.services.acceptance import accept_order
from billing.procurement.services.agreements import AgreementWish, LotWish, activate_agreement, draft_agreement
from billing.procurement.services.attestations import AttestationWish, attest
from billing.procurement.services.orders import OrderWish, place_order
from billing.procurement.services.quotes import accept_quote, offer_quote, request_quote
from billing.services.ledger import platform_account, post_transfer
from billing.states import AccountKind, TransferKind
from tests.billing.books import staff
from tests.invoicing.scenes import CLERK, Lenient
from tests.worlds import NOW, Tenant

SIRETS = ("21750001600019", "21690123100011", "21310555400017")
DAY = timedelta(days=1)
MICRO_PER_CENT = 10_000
# What one person may move alone is 10,000 euros (FOUR_EYES_LIMIT_MICROCREDITS).
SMALL, LARGE = 1_000_00, 25_000_00
_numbers = itertools.count(1)


def code_of(act: Any) -> tuple[str, str | None]:
    """Return code and field of what must be refused."""
    with pytest.raises(DomainError) as refused:
        act()
    return refused.value.code, refused.value.field


def legal(tenant: Tenant) -> None:
    """Give a tenant legal details, as everybody has who is invoiced."""
    if LegalIdentity.objects.filter(organisation=tenant.organisation).exists():
        return
    wish = IdentityWish(
        legal_name="Institut", country="FR", registration_scheme="other",
        registration_number=f"R{tenant.organisation.pk}", vat_number="", nace="", size="small", founded_on=None,
        listed=False, address="1 rue de la Paix\n75002 Paris",
    )  # fmt: skip
    set_legal_identity(actor=tenant.actor(), wish=wish, at=NOW)


def offered(tenant: Tenant, credits: int = 500, at: Any = NOW) -> Quote:
    """Return a quote that can be accepted for 60 days."""
    legal(tenant)
    made = request_quote(actor=tenant.actor(), organisation_id=tenant.organisation.pk, credits=credits, note="", at=at)
    return offer_quote(actor=staff(), public_id=made.public_id, at=at)


def accepted_quote(tenant: Tenant, credits: int = 500, at: Any = NOW) -> Quote:
    """Return a quote that waits for its money."""
    return accept_quote(actor=tenant.actor(), public_id=offered(tenant, credits, at).public_id, at=at)


def agreed(tenant: Tenant, maximum: int = 100_000_00, at: Any = NOW, **fields: Any) -> FrameworkAgreement:
    """Return an agreement in force for two years."""
    legal(tenant)
    lots = tuple(LotWish(code, f"Lot {code}", most) for code, most in fields.pop("lots", ()))
    given = {"title": "GPU computing", "starts_on": at.date(), "ends_on": at.date() + 700 * DAY, **fields}
    wish = AgreementWish(maximum_cents=maximum, lots=lots, **given)
    draft = draft_agreement(actor=staff(), organisation_id=tenant.organisation.pk, wish=wish, at=at)
    return activate_agreement(actor=staff(), public_id=draft.public_id, at=at)


def placed(tenant: Tenant, amount: int = SMALL, role: str = "owner", at: Any = NOW, **fields: Any) -> PurchaseOrder:
    """Return an order that waits for staff."""
    legal(tenant)
    return place_order(actor=tenant.actor(role), wish=OrderWish(amount_cents=amount, **fields), at=at)


def accepted(tenant: Tenant, amount: int = SMALL, at: Any = NOW, **fields: Any) -> PurchaseOrder:
    """Return an order whose credits can be spent."""
    order = placed(tenant, amount, at=at, **fields)
    while order.lot_id is None:
        order = accept_order(actor=staff(), public_id=order.public_id, at=at)
    return order


def spend(order: PurchaseOrder, cents: int, at: Any = NOW) -> None:
    """Let work use so much of an order's credits."""
    lot = order.lot
    assert lot is not None
    post_transfer(
        debit=lot, credit=platform_account(AccountKind.CLEARING, at=at), amount=cents * MICRO_PER_CENT,
        kind=TransferKind.USAGE, organisation_id=order.organisation_id, key=f"spent-{next(_numbers)}",
        description="work", at=at,
    )  # fmt: skip


def correct(order: PurchaseOrder, cents: int, at: Any = NOW) -> None:
    """Give so much of what was used back to an order's lot."""
    lot = order.lot
    assert lot is not None
    post_transfer(
        debit=platform_account(AccountKind.CLEARING, at=at), credit=lot, amount=cents * MICRO_PER_CENT,
        kind=TransferKind.CORRECTION, organisation_id=order.organisation_id, key=f"corrected-{next(_numbers)}",
        description="correction", at=at,
    )  # fmt: skip


def attested(tenant: Tenant, order: PurchaseOrder, cents: int, at: Any = NOW, key: str = "") -> ServiceAttestation:
    """Return an attestation for the day."""
    wish = AttestationWish(cents, at.date(), at.date())
    return attest(actor=tenant.actor(), public_id=order.public_id, wish=wish, at=at, key=key)


def issue(document: Document, at: Any = NOW) -> None:
    """Give a document its number, as the task of invoicing does; the rules are tested with invoices."""
    issue_document(actor=CLERK, document_id=document.pk, at=at, checks=Lenient())


def reference() -> str:
    """Return a bank reference that nobody has used."""
    return f"BANK-{next(_numbers)}"


def yesterday() -> date:
    """Return the day before the tests' now."""
    return (NOW - DAY).date()
