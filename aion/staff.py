# SPDX-License-Identifier: Apache-2.0
"""The staff admin: only consortium staff with a second factor, and bases for facts that nobody may edit."""

from typing import Any, ClassVar

from django import forms
from django.contrib.admin.decorators import display
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.contrib.admin.widgets import AutocompleteSelect
from django.contrib.postgres.fields import DateRangeField
from django.contrib.postgres.forms import BaseRangeField, RangeWidget
from django.core.exceptions import ValidationError
from django.db import DataError, transaction
from django.db.models import ForeignKey, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite
from unfold.widgets import UnfoldAdminDateWidget, UnfoldAdminTextareaWidget

from aion import clock
from aion.audit import services as audit
from aion.errors import DomainError
from aion.people.verified import factors_of
from aion.staff_acts import Act, ReasonForm, confirm, field_of, on_one, on_rows, staff_actor
from aion.staff_columns import gpus_column, hours_column, state_column, words_of
from aion.staff_registry import PAGES, QUEUES, Page, Queue, register_pages, register_queues


class AionAdminSite(UnfoldAdminSite):  # type: ignore[misc]  # unfold has no types
    """The admin behind django-allauth's sign-in and a second factor."""

    index_title = _("Today")

    def has_permission(self, request: HttpRequest) -> bool:
        """Allow active staff who signed in with a second factor set up."""
        user: Any = request.user
        return bool(user.is_active and user.is_staff and factors_of(user).exists())

    def get_urls(self) -> list[Any]:
        """Add the pages that apps registered, each behind the same door as the rest."""
        pages = [path(one.path, self.admin_view(one.view), name=one.name) for one in PAGES]
        return [*pages, *super().get_urls()]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Send people to the portal's sign-in, staff without a second factor to its set-up, others away."""
        user: Any = request.user
        if not user.is_authenticated:
            return redirect(f"{reverse('account_login')}?{urlencode({'next': request.get_full_path()})}")
        if user.is_staff and not factors_of(user).exists():
            return redirect("mfa_index")
        return redirect("portal:home")


class KeyedSelect(AutocompleteSelect):
    """A row to choose by its key; what is no key chooses none, where Django's own would fail to show the form again."""

    def optgroups(self, name: str, value: Any, attr: Any = None) -> Any:
        """Look only for what can be a key: the field says what is wrong with the rest."""
        return super().optgroups(name, [one for one in value if self._is_key(one)], attr)

    def _is_key(self, value: Any) -> bool:
        field: Any = self.field
        try:
            field.target_field.to_python(value)
        except ValidationError:
            return False
        return True


class DateRangeWidget(RangeWidget):
    """Two days of a range, as this site shows a day."""

    template_name = "unfold/widgets/range.html"

    def __init__(self) -> None:
        """Take the widget of a single day for both."""
        super().__init__(UnfoldAdminDateWidget)


class KeyedChoices:
    """A page or inline whose rows are chosen by key."""

    def formfield_for_foreignkey(self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        """Choose rows by key."""
        admin_page: Any = self
        if db_field.name in admin_page.get_autocomplete_fields(request):
            kwargs.setdefault("widget", KeyedSelect(db_field, admin_page.admin_site, using=kwargs.get("using")))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]  # untyped


class StaffAdmin(KeyedChoices, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """What all pages of staff share: an address or a value that makes no sense gets an answer."""

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Name both ends of a range for screen readers: its label names neither."""
        formfield = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(formfield, BaseRangeField):
            if isinstance(db_field, DateRangeField):
                formfield.widget = DateRangeWidget()
            for widget, end in zip(formfield.widget.widgets, (_("from"), _("until")), strict=True):
                widget.attrs["aria-label"] = f"{formfield.label}: {end}"
        return formfield

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Answer a filter that no row can match, such as the year 99999, as Django does other wrong filters."""
        try:
            return super().get_changelist_instance(request)
        except (DataError, OverflowError, ValueError) as error:
            raise IncorrectLookupParameters from error

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> Any:
        """Find nothing for a NUL, which no row holds: the search of a choice does not look at it before the driver."""
        if "\x00" in search_term:
            return queryset.none(), False
        return super().get_search_results(request, queryset, search_term)


class ReadOnlyAdmin(StaffAdmin):
    """Facts: to be looked at, never added, changed or deleted here."""

    @display(description=_("state"))
    def state_text(self, row: Any) -> str:
        """Write the state of a row as people call it."""
        return words_of(row)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Put the state's word where its stored name would stand."""
        return [
            (title, {**options, "fields": ["state_text" if name == "state" else name for name in options["fields"]]})
            for title, options in super().get_fieldsets(request, obj)
        ]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False


class KeptForm(forms.ModelForm):  # type: ignore[type-arg]  # of any model
    """A row's form that also asks why it is changed."""

    change_reason = forms.CharField(
        label=_("Reason"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        max_length=200,
        help_text=_("Why you change this. It goes on the record with your name."),
    )


class KeptAdmin(StaffAdmin):
    """Rows that may be added and changed with a reason, never deleted: others refer to them.

    What was changed goes on the record: field by field, before and after. A form of its own derives from KeptForm.
    """

    form = KeptForm

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Ask for a reason where something is changed: a new row says itself what it is."""
        form: Any = super().get_form(request, obj, change, **kwargs)
        if obj is None:
            form.base_fields.pop("change_reason", None)
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Put the reason last, for those who may change the row."""
        fieldsets = [
            (title, {**options, "fields": [name for name in options["fields"] if name != "change_reason"]})
            for title, options in super().get_fieldsets(request, obj)
        ]
        if obj is not None and self.has_change_permission(request, obj):
            fieldsets.append((None, {"fields": ["change_reason"]}))
        return fieldsets

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save, and write who changed what and why."""
        super().save_model(request, obj, form, change)
        names = [name for name in form.changed_data if name != "change_reason"]
        audit.record(
            actor=staff_actor(request),
            action="staff.changed" if change else "staff.added",
            subject=obj,
            at=clock.now(),
            reason=form.cleaned_data.get("change_reason", ""),
            changes={
                name: [plain(form.initial.get(name)) if change else None, plain(form.cleaned_data[name])]
                for name in names
            },
        )


def plain(value: Any) -> Any:
    """Return a form's value as the audit log keeps it: a row by its key."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, (list, tuple, QuerySet)):
        return [plain(one) for one in value]
    return value.pk if isinstance(value, Model) else str(value)


class DecidedAdmin(ReadOnlyAdmin):
    """Rows on which staff decide by acts, never by an edit. ``waiting`` says which rows the buttons are for."""

    waiting: ClassVar[dict[str, Any]] = {}

    def has_decide_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow who may change such rows."""
        user: Any = request.user
        return bool(user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Return the buttons of a row that waits; a row that is not there has none."""
        row = self.get_object(request, unquote(str(object_id)))
        if row is None or not self.get_queryset(request).filter(pk=row.pk, **self.waiting).exists():
            return []
        return list(super().get_actions_detail(request, object_id))


class AskForm(forms.ModelForm):  # type: ignore[type-arg]  # of any model
    """A form whose save is a service: what the service refused stands at its field, with all that was typed."""

    refusal: ClassVar[DomainError | None] = None

    def clean(self) -> dict[str, Any]:
        """Show the refusal."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if self.refusal is not None:
            self.add_error(field_of(self, self.refusal), self.refusal.detail)
        return data


class AskedAdmin(DecidedAdmin):
    """Rows that staff ask for through a service: ``ask`` makes the row or raises DomainError."""

    form = AskForm

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow who may add such rows."""
        user: Any = request.user
        return bool(user.has_perm(f"{self.opts.app_label}.add_{self.opts.model_name}"))

    def ask(self, request: HttpRequest, data: dict[str, Any]) -> Any:
        """Return the row that the service made of the form's ``data``."""
        raise NotImplementedError

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Ask; what is refused comes back as the form's error and stores nothing."""
        given: Any = request
        try:
            with transaction.atomic():
                answer: HttpResponse = super().add_view(request, form_url, extra_context)
        except DomainError as error:
            given.refusal = error
            answer = super().add_view(request, form_url, extra_context)
        return answer

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form, with what the service refused a moment ago."""
        form: Any = super().get_form(request, obj, change, **kwargs)
        refusal = getattr(request, "refusal", None)
        return form if refusal is None else type(form.__name__, (form,), {"refusal": refusal})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Ask, and let the page go on with the row that was made."""
        obj.__dict__.update(self.ask(request, form.cleaned_data).__dict__)


__all__ = [
    "PAGES",
    "QUEUES",
    "Act",
    "AionAdminSite",
    "AskForm",
    "AskedAdmin",
    "DecidedAdmin",
    "KeptAdmin",
    "KeptForm",
    "KeyedChoices",
    "ModelAdmin",
    "Page",
    "Queue",
    "ReadOnlyAdmin",
    "ReasonForm",
    "confirm",
    "gpus_column",
    "hours_column",
    "on_one",
    "on_rows",
    "register_pages",
    "register_queues",
    "staff_actor",
    "state_column",
]
