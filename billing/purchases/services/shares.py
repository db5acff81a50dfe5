# SPDX-License-Identifier: Apache-2.0
"""Parts of a payment: counted from its beginning and subtracted, so that all parts together are the whole."""

from billing.purchases.models import Payment


def gross_of(payment: Payment, net_cents: int) -> int:
    """Return the gross cents of the first ``net_cents`` of a payment, rounded half up."""
    return net_cents + (payment.vat_cents * net_cents * 2 + payment.net_cents) // (2 * payment.net_cents)


def net_of(payment: Payment, gross_cents: int) -> int:
    """Return the net cents of the first ``gross_cents`` of a payment, rounded half up; never more than the whole."""
    whole = payment.gross_cents
    return min(payment.net_cents, (payment.net_cents * gross_cents * 2 + whole) // (2 * whole))
