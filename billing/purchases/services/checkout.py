# SPDX-License-Identifier: Apache-2.0
"""Starting a purchase: the row first, then the processor. Credit comes only with what the processor confirms."""

from dataclasses import asdict, dataclass
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from aion import figures
from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import Rejected
from aion.tenancy.models import Organisation, OrganisationState
from billing.invoicing.services.vat import quote_vat
from billing.invoicing.values import VatQuote
from billing.purchases.audit import Action
from billing.purchases.errors import AmountNotPossible, PaymentRefused, ProcessorUnavailable, PurchaseNotPossible
from billing.purchases.models import Payment, ProcessorCustomer
from billing.purchases.payments.connect import configured, gateway
from billing.purchases.payments.gateway import GatewayDown, GatewayRefused
from billing.purchases.states import Method, PaymentKind, PaymentState

CENTS = 100
DESCRIPTION = "AION GPU credits"


@dataclass(frozen=True, slots=True)
class Return:
    """Where the processor sends the browser afterwards; ``{payment}`` stands for the payment's id."""

    paid: str
    cancelled: str
    language: str = "en"


def quote(*, organisation_id: int, credits_: int, at: datetime) -> VatQuote:
    """Return what ``credits_`` whole credits cost the organisation. Raises AmountNotPossible, NoLegalIdentity."""
    least, most = settings.PURCHASE_MIN_CREDITS, settings.PURCHASE_MAX_CREDITS
    if not least <= credits_ <= most:
        raise AmountNotPossible(
            gettext("Choose between %(least)s and %(most)s credits; for more, ask us for a quote.")
            % {"least": figures.number(least), "most": figures.number(most)},
            field="credits",
        )
    return quote_vat(organisation_id=organisation_id, net_cents=credits_ * CENTS, at=at)


def start_payment(
    *, actor: Actor, credits_: int, method: Method, returns: Return, at: datetime, key: str | None = None
) -> Payment:
    """Open a page of the processor on which ``credits_`` are paid; the same ``key`` opens one.

    Nothing is credited here. Killed between the row and the answer, the sweep ends the payment. Raises
    AmountNotPossible, NoLegalIdentity, PurchaseNotPossible, ProcessorUnavailable, PaymentRefused, Rejected for a key
    that bought something else.
    """
    organisation = Organisation.objects.get(pk=actor.organisation_id or 0)
    require_buyer(organisation)
    vat = quote(organisation_id=organisation.pk, credits_=credits_, at=at)
    payment = record_payment(
        actor=actor, organisation=organisation, kind=PaymentKind.CHECKOUT, method=method, vat=vat, at=at, key=key
    )
    if payment.checkout_url or payment.state != PaymentState.CREATED:
        return payment
    with answered():
        page = gateway().open_checkout(
            customer=customer_of(organisation, at=at),
            payment=payment.public_id,
            cents=payment.gross_cents,
            description=DESCRIPTION,
            method=payment.method,
            language=returns.language,
            success_url=returns.paid.replace("{payment}", payment.public_id),
            cancel_url=returns.cancelled.replace("{payment}", payment.public_id),
            key=payment.public_id,
        )
    Payment.objects.filter(pk=payment.pk).update(session_id=page.id, checkout_url=page.url)
    Payment.objects.filter(pk=payment.pk).move(PaymentState.OPEN)
    payment.refresh_from_db()
    return payment


def require_buyer(organisation: Organisation) -> None:
    """Refuse whoever cannot buy. Raises PurchaseNotPossible."""
    if organisation.state == OrganisationState.CLOSED:
        raise PurchaseNotPossible(gettext("This organisation is closed."))
    if not configured():
        raise PurchaseNotPossible(
            gettext("Cards and direct debits are not set up here: ask us for a quote and pay by transfer.")
        )


@transaction.atomic
def record_payment(
    *,
    actor: Actor,
    organisation: Organisation,
    kind: PaymentKind,
    method: str,
    vat: VatQuote,
    at: datetime,
    key: str | None = None,
    saved_method: str = "",
) -> Payment:
    """Write the payment down before the processor hears of it; the same ``key`` is one payment. Raises Rejected."""
    try:
        with transaction.atomic():
            payment: Payment = Payment.objects.create(
                organisation=organisation,
                kind=kind,
                method=method,
                net_cents=vat.net_cents,
                vat_cents=vat.vat_cents,
                gross_cents=vat.gross_cents,
                vat=asdict(vat),
                saved_method=saved_method,
                requested_by_id=actor.user_id,
                requested_by=actor.label,
                key=key,
                created_at=at,
            )
    except IntegrityError:
        if key is None:
            raise
        payment = Payment.objects.get(organisation=organisation, key=key)
        if (payment.net_cents, payment.method) != (vat.net_cents, method):
            raise Rejected(
                gettext("This key has bought something else already: use a new key for a new purchase."), field="key"
            ) from None
        return payment
    audit.record(
        actor=actor,
        action=Action.PAYMENT_STARTED,
        subject=payment,
        at=at,
        changes={"net_cents": vat.net_cents, "gross_cents": vat.gross_cents, "method": str(method)},
    )
    return payment


def customer_of(organisation: Organisation, *, at: datetime) -> str:
    """Return the organisation's id at the processor, made on first use and once."""
    known = ProcessorCustomer.objects.filter(organisation=organisation).first()
    if known is not None:
        return str(known.processor_id)
    made = gateway().create_customer(
        organisation=organisation.public_id, name=organisation.name, key=f"customer:{organisation.public_id}"
    )
    row, _ = ProcessorCustomer.objects.get_or_create(
        organisation=organisation, defaults={"processor_id": made, "created_at": at}
    )
    return str(row.processor_id)


class answered:  # noqa: N801 - reads as a sentence: with answered()
    """Turn what the processor did not or would not do into words for a person."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raise ProcessorUnavailable or PaymentRefused in the place of the port's errors."""
        if isinstance(error, GatewayDown):
            raise ProcessorUnavailable(
                gettext("The payment processor does not answer. Nothing was charged: try again in a minute.")
            ) from error
        if isinstance(error, GatewayRefused):
            raise PaymentRefused(
                gettext("The payment processor refused (%(code)s): try another way to pay, or write to us.")
                % {"code": error.code}
            ) from error
