# SPDX-License-Identifier: Apache-2.0
"""Facts of the marketplace that stop a request."""

from django.utils.translation import gettext_lazy

from aion.errors import Conflict, NotFound, Rejected


class OfferNotFound(NotFound):
    """No such offer is on sale."""

    code, title = "offer_not_found", gettext_lazy("No such offer")


class OrganisationFrozen(Conflict):
    """Nothing new starts while an organisation is frozen."""

    code, title = "organisation_frozen", gettext_lazy("The organisation is frozen")


class IdempotencyMismatch(Rejected):
    """The same key came with another request."""

    code, title = "idempotency_mismatch", gettext_lazy("This Idempotency-Key was used for another request")


class OfferNotPublishable(Conflict):
    """Residency facts or a price are missing."""

    code, title = "offer_not_publishable", gettext_lazy("The offer cannot be published")
