# SPDX-License-Identifier: Apache-2.0
"""The vocabulary of the reads of invoicing."""

from typing import Self

from aion.tenancy.querysets import OwnedQuerySet
from billing.invoicing.states import DocumentState


class DocumentQuerySet(OwnedQuerySet):
    """Documents."""

    def issued(self) -> Self:
        """Return what has a number and left the house."""
        return self.filter(state=DocumentState.ISSUED)

    def waiting(self) -> Self:
        """Return what is to be issued."""
        return self.filter(state=DocumentState.DRAFT)
