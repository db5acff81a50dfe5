# SPDX-License-Identifier: Apache-2.0
"""New prices of a whole book: prepared by one person, seen on last month's real usage, published by another."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from aion import clock
from aion.actor import Actor
from aion.errors import DomainError
from aion.figures import NBSP, gpu_hours, instant, number
from aion.money import from_decimal
from aion.staff import Act, DecidedAdmin, on_one, staff_actor, state_column
from billing.admin.columns import WithTables, credits_text, pending_first, table
from billing.admin.pricing import tier_words
from billing.models import Price, PriceBook, PriceDraft, Sku
from billing.queries import LIST_BOOK
from billing.services import pricing
from billing.states import DraftState


def read_tiers(text: str) -> list[pricing.Tier]:
    """Read ``1000: 2.30; 5000: 2.10``. Raises ValidationError for anything else."""
    tiers = []
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        hours, _colon, amount = (word.strip() for word in part.partition(":"))
        try:
            tiers.append(pricing.Tier(int(hours), from_decimal(Decimal(amount))))
        except (ValueError, ArithmeticError) as error:
            raise forms.ValidationError(_("Write tiers as hours: credits, as in 1000: 2.30; 5000: 2.10.")) from error
    return tiers


class PricesForm(forms.Form):
    """When and why; a price and tiers for each SKU, empty where nothing changes."""

    valid_from = forms.SplitDateTimeField(
        label=_("Valid from (UTC)"),
        widget=UnfoldAdminSplitDateTimeWidget,
        help_text=_("In the future. Runs that have started keep the price they have."),
    )
    reason = forms.CharField(
        label=_("Reason"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        max_length=500,
        help_text=_("It goes on the record with your name."),
    )

    def __init__(self, *args: Any, skus: Sequence[Sku], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.skus = skus
        for sku in skus:
            self.fields[f"price_{sku.pk}"] = forms.DecimalField(
                required=False,
                min_value=Decimal("0.000001"),
                max_digits=12,
                decimal_places=6,
                widget=UnfoldAdminDecimalFieldWidget(
                    attrs={"aria-label": _("New price of %(sku)s") % {"sku": sku.name}}
                ),
            )
            self.fields[f"tiers_{sku.pk}"] = forms.CharField(
                required=False,
                max_length=200,
                widget=UnfoldAdminTextInputWidget(
                    attrs={
                        "aria-label": _("New tiers of %(sku)s") % {"sku": sku.name},
                        "placeholder": "1000: 2.30; 5000: 2.10",
                    }
                ),
            )

    def clean(self) -> dict[str, Any]:
        """Read the lines and their tiers."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        data["lines"], data["tiers"] = {}, {}
        for sku in self.skus:
            price = data.get(f"price_{sku.pk}")
            if price is not None:
                data["lines"][sku.code] = from_decimal(price)
            try:
                tiers = read_tiers(data.get(f"tiers_{sku.pk}") or "")
                if tiers and f"price_{sku.pk}" not in self.errors:
                    pricing.check_tiers(data["lines"].get(sku.code), tiers)
            except forms.ValidationError as error:
                self.add_error(f"tiers_{sku.pk}", error)
            except DomainError as error:  # checked here too, where it is known which GPU it is about
                self.add_error(f"tiers_{sku.pk}", error.detail)
            else:
                if tiers:
                    data["tiers"][sku.code] = tiers
        return data


def _publish(*, actor: Actor, row: PriceDraft, at: datetime) -> None:
    pricing.publish_draft(actor=actor, public_id=row.public_id, at=at)


def _discard(*, actor: Actor, row: PriceDraft, at: datetime) -> None:
    pricing.discard_draft(actor=actor, public_id=row.public_id, at=at)


def _facts(draft: PriceDraft) -> Sequence[tuple[Any, Any]]:
    return (
        (_("Price book"), draft.book),
        (_("Valid from"), f"{instant(draft.valid_from)} UTC"),
        (_("Prices"), ", ".join(f"{code}: {credits_text(int(micro))}" for code, micro in sorted(draft.lines.items()))),
        (_("Prepared by"), draft.created_by),
        (_("Reason"), draft.reason),
    )


PUBLISH = Act(
    title=_("Publish"),
    done=_("published"),
    call=_publish,
    warning=_(
        "Customers see these prices and launch under them from the start on. A published price is never changed, only "
        "followed by another. You publish as the second person; both names go on the record."
    ),
    form=forms.Form,
    facts=_facts,
)
DISCARD = Act(
    title=_("Discard"),
    done=_("discarded"),
    call=_discard,
    button=_("Discard"),
    danger=True,
    form=forms.Form,
    facts=_facts,
)


@admin.register(PriceDraft)
class PriceDraftAdmin(WithTables, DecidedAdmin):
    """Drafts: the ones to be published come first."""

    list_display: ClassVar = [
        "public_id", "book", "valid_from", "line_count", "state_word", "created_by", "decided_by", "created_at",
    ]  # fmt: skip
    list_filter: ClassVar = ["state", "book"]
    list_select_related: ClassVar = ["book"]
    search_fields: ClassVar = ["public_id", "created_by", "book__name"]
    ordering: ClassVar = [pending_first(DraftState.DRAFT), "-created_at"]
    fields: ClassVar = [
        "public_id", "book", "valid_from", "reason", "state", "created_by", "created_at", "decided_by",
        "decided_at",
    ]  # fmt: skip
    waiting: ClassVar = {"state": DraftState.DRAFT}
    actions_detail: ClassVar = ["publish_one", "discard_one"]
    state_word = state_column()
    publish_one, discard_one = on_one("publish_one", PUBLISH), on_one("discard_one", DISCARD)

    @admin.display(description=_("prices"))
    def line_count(self, row: PriceDraft) -> int:
        """Count the prices."""
        return len(row.lines)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow who may add drafts."""
        user: Any = request.user
        return bool(user.has_perm("billing.add_pricedraft"))

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Prepare prices of the book that the address names; without one, of the list."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        wanted = request.GET.get("book", "")
        books = PriceBook.objects.filter(operator=None).order_by("pk")  # an operator's prices come with its offer
        book = books.filter(pk=wanted).first() if wanted.isdecimal() else books.filter(code=LIST_BOOK).first()
        if book is None:
            messages.error(request, _("Choose the price book first."))
            return redirect("admin:billing_pricebook_changelist")
        skus = list(Sku.objects.order_by("code"))
        form = PricesForm(request.POST or None, skus=skus)
        if form.is_valid():
            try:
                draft = self._prepare(request, book, form.cleaned_data)
            except DomainError as error:
                form.add_error(error.field if error.field in form.fields else None, error.detail)
            else:
                messages.success(request, _("Prepared. See what it changes, then a second person publishes it."))
                return redirect("admin:billing_pricedraft_change", draft.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": _("New prices: %(book)s") % {"book": book.name},
            "opts": self.opts,
            "form": form,
            "book": book,
            "books": books,
            "rows": _rows(form, book, skus),
            "back": reverse("admin:billing_pricebook_change", args=[book.pk]),
            "media": self.media + form.media,
        }
        return TemplateResponse(request, "admin/billing/prepare_prices.html", context)

    def _prepare(self, request: HttpRequest, book: PriceBook, data: dict[str, Any]) -> PriceDraft:
        return pricing.prepare_prices(
            actor=staff_actor(request),
            book=book,
            lines=data["lines"],
            tiers=data["tiers"],
            valid_from=data["valid_from"],
            reason=data["reason"],
            at=clock.now(),
        )

    def tables(self, row: PriceDraft) -> list[dict[str, Any]]:
        """Show the effect on last month's usage while it can be published, and the prices afterwards."""
        return [_effect(row) if row.state == DraftState.DRAFT else _lines(row)]


def _rows(form: PricesForm, book: PriceBook, skus: Sequence[Sku]) -> list[dict[str, Any]]:
    prices = Price.objects.in_force_at(clock.now()).filter(book__in={book.pk, *_list_book()}).prefetch_related("tiers")
    own = {price.sku_id: price for price in prices if price.book_id == book.pk}
    listed = {price.sku_id: price for price in prices if price.book_id != book.pk}
    return [
        {
            "sku": sku,
            "now": credits_text(own[sku.pk].micro_per_gpu_hour) if sku.pk in own else None,
            "listed": credits_text(listed[sku.pk].micro_per_gpu_hour) if sku.pk in listed else None,
            "tiers_now": tier_words(own[sku.pk]) if sku.pk in own else None,
            "price": form[f"price_{sku.pk}"],
            "tiers": form[f"tiers_{sku.pk}"],
        }
        for sku in skus
    ]


def _list_book() -> Sequence[int]:
    return list(PriceBook.objects.filter(code=LIST_BOOK).values_list("pk", flat=True))


def _tiers(draft: PriceDraft, code: str) -> str:
    tiers = draft.tiers.get(code, [])
    return "; ".join(f"{number(hours)}{NBSP}h: {credits_text(micro)}" for hours, micro in tiers) or "–"


def _lines(draft: PriceDraft) -> dict[str, Any]:
    rows = [[code, credits_text(int(micro)), _tiers(draft, code)] for code, micro in sorted(draft.lines.items())]
    return table(_("Prices"), [_("GPU"), _("Credits per GPU-hour"), _("Tiers")], rows)


def _effect(draft: PriceDraft) -> dict[str, Any]:
    effects = pricing.preview_prices(draft=draft, at=clock.now())
    rows: list[list[Any]] = [
        [
            one.sku,
            credits_text(one.before) if one.before is not None else _("as the list"),
            credits_text(one.after),
            _("those in force end") if one.ends_tiers else _tiers(draft, one.sku.code),
            gpu_hours(one.milli_gpu_seconds),
            credits_text(one.charged),
            credits_text(one.would_be),
            credits_text(one.difference),
        ]
        for one in effects
    ]
    total = [_("Total"), "", "", "", gpu_hours(sum(one.milli_gpu_seconds for one in effects))]
    sums = [sum(getattr(one, name) for one in effects) for name in ("charged", "would_be", "difference")]
    headers = [
        _("GPU"), _("Now"), _("New"), _("New tiers"), _("GPU-hours used"), _("Charged"), _("Would be"),
        _("Difference"),
    ]  # fmt: skip
    note = _(
        "What those who buy from this book used in the last calendar month, at the new prices. Volume tiers and "
        "promotions are not counted: they only lower it."
    )
    return table(
        _("Effect on last month's usage"), headers, [*rows, [*total, *(credits_text(value) for value in sums)]], note
    )
