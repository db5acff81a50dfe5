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


class OfferExists(Conflict):
    """A pool has one offer of each capacity class."""

    code, title = "offer_exists", gettext_lazy("There is such an offer already")


class ChangeWaits(Conflict):
    """An offer has one undecided change of each kind."""

    code, title = "offer_change_waits", gettext_lazy("A change waits for a decision already")


class PriceAnnounced(Conflict):
    """A price that was announced is a promise: it stands until it is in force."""

    code, title = "offer_price_announced", gettext_lazy("Another price is announced already")


class OfferInWrongState(Conflict):
    """The act does not fit what the offer is at."""

    code, title = "offer_in_wrong_state", gettext_lazy("The offer is not at that point")


class PriceChanged(Conflict):
    """The price is higher than what was agreed."""

    code, title = "price_changed", gettext_lazy("The price has changed")
