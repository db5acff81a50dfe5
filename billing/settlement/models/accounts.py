# SPDX-License-Identifier: Apache-2.0
"""Which account of the French chart a ledger account is, for which kind of entry, and since when."""

from typing import ClassVar

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.settlement.querysets import DatedQuerySet
from billing.states import AccountKind, Origin, TransferKind


class AccountMapping(models.Model):
    """One dated row of the mapping. The row that says most wins: an origin and a kind before neither.

    Without a ``number`` the ledger's account is no account of the books: free credit is no consideration, and an entry
    that touches it is no accounting entry.
    """

    account_kind = models.CharField(_("ledger account"), max_length=12, choices=[(k, k) for k in AccountKind])
    origin = models.CharField(_("origin"), max_length=12, blank=True, choices=[(o, o) for o in Origin])
    transfer_kind = models.CharField(
        _("kind of entry"), max_length=12, blank=True, choices=[(k, k) for k in TransferKind]
    )
    number = models.CharField(_("account number"), max_length=12, blank=True)
    name = models.CharField(_("account name"), max_length=100, blank=True)
    valid = DateRangeField(_("in force"))
    source = models.CharField(_("source"), max_length=200, blank=True)

    objects = DatedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["account_kind", "origin", "transfer_kind", "valid"]
        verbose_name = _("account of the books")
        verbose_name_plural = _("accounts of the books")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(number="") | Q(number__regex=r"^[1-7][0-9]{2,11}$"), name="pcg_number"),
            ExclusionConstraint(
                name="one_account_in_force",
                expressions=[
                    ("account_kind", RangeOperators.EQUAL),
                    ("origin", RangeOperators.EQUAL),
                    ("transfer_kind", RangeOperators.EQUAL),
                    ("valid", RangeOperators.OVERLAPS),
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_kind} {self.number}"
