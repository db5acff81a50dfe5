# SPDX-License-Identifier: Apache-2.0
"""Facts of the marketplace that stop a request."""

from aion.errors import Conflict, NotFound, Rejected


class OfferNotFound(NotFound):
    """No such offer is on sale."""

    code, title = "offer_not_found", "No such offer"


class OrganisationFrozen(Conflict):
    """Nothing new starts while an organisation is frozen."""

    code, title = "organisation_frozen", "The organisation is frozen"


class IdempotencyMismatch(Rejected):
    """The same key came with another request."""

    code, title = "idempotency_mismatch", "This Idempotency-Key was used for another request"


class OfferNotPublishable(Conflict):
    """Residency facts or a price are missing."""

    code, title = "offer_not_publishable", "The offer cannot be published"


class OfferExists(Conflict):
    """A pool has one offer of each capacity class."""

    code, title = "offer_exists", "There is such an offer already"


class OfferInWrongState(Conflict):
    """The act does not fit what the offer is at."""

    code, title = "offer_in_wrong_state", "The offer is not at that point"
