# SPDX-License-Identifier: Apache-2.0
"""Who can be invoiced in the demo, and a payment that has arrived."""

from datetime import datetime, timedelta

from django.db import transaction

from aion.people.organisations import IdentityWish, set_legal_identity
from aion.tenancy.models import LegalIdentity, Organisation, User
from aion.tenancy.services.actors import actor_for
from billing.purchases.models import Payment
from billing.purchases.payments.gateway import PaymentSeen
from billing.purchases.services.checkout import quote, record_payment
from billing.purchases.services.syncing import apply
from billing.purchases.states import Method, PaymentKind

# Slug, owner, and the legal details: the SIREN of each passes the register's check digit and belongs to nobody.
INVOICED = (
    ("atelier-lumen", "ines@lumen.example", "Atelier Lumen SAS", "900000019", "62.01", "small"),
    ("institut-climat", "marta@climat.example", "Institut Climat", "900000027", "72.19", "na"),
)
CREDITS = 500


@transaction.atomic
def seed_purchases(*, at: datetime) -> None:
    """Give the demo's customers legal details and one of them a paid purchase; doing it twice adds nothing."""
    for slug, email, name, siren, nace, size in INVOICED:
        owner = actor_for(user=User.objects.get(email=email), slug=slug)
        if not LegalIdentity.objects.visible_to(owner).exists():
            wish = IdentityWish(
                legal_name=name,
                country="FR",
                registration_scheme="siren",
                registration_number=siren,
                vat_number="",
                nace=nace,
                size=size,
                founded_on=None,
                listed=False,
                address="12 rue des Lilas\n75011 Paris",
            )
            set_legal_identity(actor=owner, wish=wish, at=at)
    slug, email = INVOICED[1][:2]
    organisation = Organisation.objects.get(slug=slug)
    if Payment.objects.filter(organisation=organisation).exists():
        return
    then = at - timedelta(days=3)
    payment = record_payment(
        actor=actor_for(user=User.objects.get(email=email), slug=slug),
        organisation=organisation,
        kind=PaymentKind.CHECKOUT,
        method=Method.CARD,
        vat=quote(organisation_id=organisation.pk, credits_=CREDITS, at=then),
        at=then,
    )
    # No processor stands behind it: it has been paid in a past of which the sandbox knows nothing.
    seen = PaymentSeen("paid", intent="pi_of_the_demo", charge="ch_of_the_demo", captured_cents=payment.gross_cents)
    apply(payment_id=payment.pk, seen=seen, at=then)
