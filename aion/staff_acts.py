# SPDX-License-Identifier: Apache-2.0
"""What staff do to rows: a service behind a page that asks first."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextareaWidget

from aion import clock
from aion.actor import Actor, Scope, Via
from aion.errors import DomainError


def staff_actor(request: HttpRequest) -> Actor:
    """Return the actor of a member of staff; the services' audit rows carry the person."""
    user: Any = request.user
    return Actor(user.pk, None, "staff", frozenset(Scope), Via.ADMIN, user.email)


class ReasonForm(forms.Form):
    """Why."""

    reason = forms.CharField(
        label=_("Reason"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        max_length=200,
        help_text=_("It goes on the record with your name."),
    )


@dataclass(frozen=True, slots=True)
class Act:
    """What staff do to rows, each time asked on a page of its own that says what it does.

    ``call`` is the service: it takes actor, row, at and the form's fields by name, and may raise DomainError. One that
    acts ``at_once`` takes ``rows`` instead, and returns by its key why a row was left as it is. ``facts`` are what the
    page says of a row; ``facts_of_all`` look up once what many rows share.
    """

    title: Any
    done: Any
    call: Callable[..., Any]
    warning: Any = ""
    button: Any = ""
    danger: bool = False
    form: type[forms.Form] = ReasonForm
    facts: Callable[[Any], Sequence[tuple[Any, Any]]] = field(default=lambda _row: ())
    initial: Callable[[Any], dict[str, Any]] = field(default=lambda _row: {})
    at_once: bool = False
    facts_of_all: Callable[[Sequence[Any]], Sequence[Sequence[tuple[Any, Any]]]] | None = None

    def facts_of(self, rows: Sequence[Any]) -> Sequence[Sequence[tuple[Any, Any]]]:
        """Return what the page says of each row."""
        return [self.facts(row) for row in rows] if self.facts_of_all is None else self.facts_of_all(rows)


def confirm(model_admin: Any, request: HttpRequest, rows: Sequence[Any], act: Act, *, back: str) -> HttpResponse | None:
    """Ask on a page of its own; once confirmed, act on each row, and return None when none was refused.

    Each row is done whole or not at all. Those that were refused stay on the page, with why and with what was typed;
    a single row's refusal stands beside the field that it is about.
    """
    initial = act.initial(rows[0]) if rows else {}
    form = act.form(request.POST if "confirmed" in request.POST else None, initial=initial)
    if form.is_valid():
        refused = []
        for row, words, refusal in _acted(act, staff_actor(request), rows, form.cleaned_data):
            if refusal is None:
                messages.success(request, f"{words}: {act.done}")
            else:
                refused.append((row, words, refusal))
        if not refused:
            return None
        _say(form, refused, alone=len(rows) == 1)
        rows = [row for row, _words, _refusal in refused]
    context = {
        **model_admin.admin_site.each_context(request),
        "title": act.title,
        "act": act,
        "rows": [(row.pk, str(row), facts) for row, facts in zip(rows, act.facts_of(rows), strict=True)],
        "form": form,
        "action": request.POST.get("action"),
        "back": back,
        "opts": model_admin.model._meta,
    }
    return TemplateResponse(request, "admin/confirm_reason.html", context)


def field_of(form: forms.BaseForm, refusal: DomainError) -> str | None:
    """Return the field that a refusal is about: staff type an amount as credits."""
    name = "credits" if refusal.field == "amount" and "amount" not in form.fields else refusal.field
    return name if name in form.fields else None


def _say(form: forms.Form, refused: Sequence[tuple[Any, str, DomainError]], *, alone: bool) -> None:
    """Put refusals into the form: beside the field where there is one row, else on top with the row's words."""
    for _row, words, refusal in refused:
        if alone:
            form.add_error(field_of(form, refusal), str(refusal.detail))
        else:
            form.add_error(None, f"{words}: {refusal.detail}")


def _acted(
    act: Act, actor: Actor, rows: Sequence[Any], data: dict[str, Any]
) -> Iterator[tuple[Any, str, DomainError | None]]:
    """Act on the rows; yield each one with its words, as they were before, and what refused it."""
    named = [(row, str(row)) for row in rows]
    if act.at_once:
        left: Mapping[Any, DomainError]
        try:
            left = act.call(actor=actor, rows=rows, at=clock.now(), **data)
        except DomainError as error:
            left = dict.fromkeys((row.pk for row in rows), error)
        yield from ((row, words, left.get(row.pk)) for row, words in named)
        return
    for row, words in named:
        try:
            act.call(actor=actor, row=row, at=clock.now(), **data)
        except DomainError as error:
            yield row, words, error
        else:
            yield row, words, None


def on_rows(name: str, act: Act) -> Any:
    """Return a list's action that confirms ``act`` for the chosen rows."""

    def run(model_admin: Any, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        return confirm(model_admin, request, list(rows), act, back=request.get_full_path())

    run.__name__ = name
    return admin.action(description=act.title, permissions=["decide"])(run)


def on_one(name: str, act: Act) -> Any:
    """Return a button of a row's own page that confirms ``act`` for it."""

    def run(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        row = model_admin.get_object(request, unquote(object_id))
        kind = f"{model_admin.opts.app_label}_{model_admin.opts.model_name}"
        listed = reverse(f"admin:{kind}_changelist")
        if row is None:
            messages.error(request, _("It is not there any more."))
            return redirect(listed)
        own = reverse(f"admin:{kind}_change", args=[object_id])
        asked = confirm(model_admin, request, [row], act, back=own)
        if asked is not None:
            return asked
        return redirect(own if model_admin.get_object(request, unquote(object_id)) is not None else listed)

    run.__name__ = name
    variant = ActionVariant.DANGER if act.danger else ActionVariant.PRIMARY
    button = action(description=act.title, url_path=name.replace("_one", ""), permissions=["decide"], variant=variant)
    return button(run)
