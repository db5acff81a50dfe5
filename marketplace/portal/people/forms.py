# SPDX-License-Identifier: Apache-2.0
"""Forms of people and organisations: they parse; services decide."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from aion.actor import Actor
from aion.errors import DomainError
from aion.people.organisations import FOUNDED, IdentityWish
from aion.residency.models import Territory
from aion.tenancy.models import (
    LegalIdentity,
    Organisation,
    OrganisationKind,
    OrganisationSize,
    RegistrationScheme,
    TermsVersion,
)
from aion.tenancy.roles import Role, rank_of


def add_error(form: forms.Form, error: DomainError) -> None:
    """Put a refusal beside the field it is about, or on top of the form."""
    form.add_error(error.field if error.field in form.fields else None, error.detail)


def roles_for(actor: Actor, organisation: Organisation) -> list[tuple[str, Any]]:
    """Return the roles that ``actor`` may give in ``organisation``."""
    return [
        (role.value, role.label)
        for role in Role
        if rank_of(role) <= rank_of(actor.role)
        and (role != Role.OPERATOR or organisation.kind == OrganisationKind.MEMBER)
    ]


def _countries() -> list[tuple[str, str]]:
    return [("", "")] + [(one.code, one.name) for one in Territory.objects.order_by("name")]


class ControlForm(forms.Form):
    """A form whose fields look like the portal's."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Style the widgets."""
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if not isinstance(field.widget, forms.CheckboxInput):
                field.widget.attrs.setdefault("class", "control")


class InviteForm(ControlForm):
    """Whom to invite, as what."""

    email = forms.EmailField(label=_("E-mail address"), max_length=254)
    role = forms.ChoiceField(label=_("Role"))

    def __init__(self, *args: Any, actor: Actor, organisation: Organisation, **kwargs: Any) -> None:
        """Offer only roles that the actor may give."""
        super().__init__(*args, **kwargs)
        role: Any = self.fields["role"]
        role.choices = roles_for(actor, organisation)
        role.initial = Role.DEVELOPER.value


class RoleForm(ControlForm):
    """Another role for a member."""

    role = forms.ChoiceField(label=_("Role"))

    def __init__(self, *args: Any, actor: Actor, organisation: Organisation, **kwargs: Any) -> None:
        """Offer only roles that the actor may give."""
        super().__init__(*args, **kwargs)
        role: Any = self.fields["role"]
        role.choices = roles_for(actor, organisation)


class FoundForm(ControlForm):
    """A new organisation."""

    name = forms.CharField(label=_("Name"), max_length=120)
    kind = forms.ChoiceField(label=_("Kind"), choices=[(kind.value, kind.label) for kind in FOUNDED])
    country = forms.ChoiceField(label=_("Country"))
    accepted = forms.MultipleChoiceField(
        label=_("Documents"), widget=forms.CheckboxSelectMultiple, error_messages={"required": _("Accept both.")}
    )

    def __init__(self, *args: Any, terms: list[TermsVersion], **kwargs: Any) -> None:
        """Offer the documents in force; without any there is nothing to accept."""
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["country"].choices = _countries()
        fields["accepted"].choices = [(str(one.pk), f"{one.title} ({one.version})") for one in terms]
        fields["accepted"].widget.attrs.pop("class", None)
        if not terms:
            del self.fields["accepted"]


class IdentityForm(ControlForm):
    """Who the organisation is before the law."""

    legal_name = forms.CharField(label=_("Legal name"), max_length=160)
    country = forms.ChoiceField(label=_("Country"))
    address = forms.CharField(
        label=_("Address of the registered office"), max_length=300, widget=forms.Textarea(attrs={"rows": 3})
    )
    registration_scheme = forms.ChoiceField(label=_("Register"), choices=RegistrationScheme.choices)
    registration_number = forms.CharField(label=_("Registration number"), max_length=32, required=False)
    vat_number = forms.CharField(
        label=_("VAT number"),
        max_length=20,
        required=False,
        help_text=_("With the two letters of the member state; Greece writes EL."),
    )
    nace = forms.CharField(
        label=_("NACE code"), max_length=8, required=False, help_text=_("Main activity, such as 62.01.")
    )
    size = forms.ChoiceField(label=_("Size"), choices=OrganisationSize.choices)
    founded_on = forms.DateField(
        label=_("Founded on"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d"],
    )
    listed = forms.BooleanField(label=_("Listed on a stock exchange"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer all countries."""
        super().__init__(*args, **kwargs)
        country: Any = self.fields["country"]
        country.choices = _countries()

    def wish(self) -> IdentityWish:
        """Return the identity that was typed."""
        return IdentityWish(**self.cleaned_data)


def initial_identity(organisation: Organisation, identity: LegalIdentity | None) -> dict[str, Any]:
    """Return what the form shows first: what is stored, or what the organisation's own row says."""
    if identity is None:
        scheme = RegistrationScheme.SIREN if organisation.country_id == "FR" else RegistrationScheme.OTHER
        return {"legal_name": organisation.name, "country": organisation.country_id, "registration_scheme": scheme}
    fields = IdentityForm.base_fields
    return {name: getattr(identity, name) for name in fields if name != "country"} | {"country": identity.country_id}
