# SPDX-License-Identifier: Apache-2.0
"""Forms of the wizard: they parse; services decide. Nothing is required before the submission."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from aion.actor import Actor
from aion.money import from_decimal, to_decimal
from aion.tenancy.models import Project
from marketplace.grants.models import Application
from marketplace.grants.models.application import ATTACHMENT_KINDS, DATA_CLASSES, OPENNESS
from marketplace.grants.services.content import LENGTHS, declarations
from marketplace.grants.states import AidRegime
from marketplace.grants.words import FIELD_WORDS, declaration

TEAM_ROWS = 6
ITEM_ROWS = 6
BILLION = 10**9
BASIS_POINTS_PER_PERCENT = 100


def _label(name: str) -> Any:
    return FIELD_WORDS[name][0]


class StepForm(forms.Form):
    """One step of the wizard."""

    def __init__(self, *args: Any, application: Application, actor: Actor, **kwargs: Any) -> None:
        """Fill the form from the draft."""
        self.application, self.actor = application, actor
        super().__init__(*args, **kwargs)
        self.build()
        if not self.is_bound:
            self.initial = self.stored()
        for name, field in self.fields.items():
            if not isinstance(field.widget, forms.CheckboxInput | forms.CheckboxSelectMultiple | forms.RadioSelect):
                field.widget.attrs.setdefault("class", "control")
            if self.is_bound and name in self.errors:
                field.widget.attrs["aria-invalid"] = "true"

    def build(self) -> None:
        """Add the fields that depend on the application."""

    def stored(self) -> dict[str, Any]:
        """Return what the draft holds, by the names of the form's fields."""
        return {name: getattr(self.application, name) for name in self.fields}

    def data_of_step(self) -> dict[str, Any]:
        """Return what the service takes."""
        return dict(self.cleaned_data)

    def refuse(self, field: str | None, text: str, details: Mapping[str, Any]) -> None:
        """Put a refusal of the service beside the field that it is about."""
        self.add_error(field if field in self.fields else None, text)


class OrganisationStep(StepForm):
    """Who applies, with whom, and what they declare."""

    partners = forms.CharField(
        label=_("Partners"),
        required=False,
        max_length=2600,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Other organisations that take part, one a line. Reviewers from them are kept away."),
    )

    def build(self) -> None:
        """Ask for the declarations of the call, and for aid where the money is the state's."""
        for one in declarations(self.application):
            self.fields[f"declare_{one['key']}"] = forms.BooleanField(label=declaration(one), required=False)
        if self.application.programme.aid_regime != AidRegime.NONE:
            self.fields["declared_aid"] = forms.DecimalField(
                label=_label("declared_aid"),
                required=False,
                min_value=Decimal(0),
                max_digits=12,
                decimal_places=2,
                help_text=_("Of your organisation and all that are linked to it. Enter 0 if there was none."),
            )

    def stored(self) -> dict[str, Any]:
        """Return the fields of the draft."""
        aid = self.application.declared_aid
        ticked = {f"declare_{key}": True for key in self.application.attestations}
        return {
            "partners": "\n".join(one["name"] for one in self.application.partners),
            "declared_aid": None if aid is None else to_decimal(aid),
            **ticked,
        }

    def data_of_step(self) -> dict[str, Any]:
        """Return the fields of the draft."""
        data = self.cleaned_data
        ticked = [
            name.removeprefix("declare_") for name, value in data.items() if name.startswith("declare_") and value
        ]
        result: dict[str, Any] = {
            "partners": [{"name": line.strip()} for line in data["partners"].splitlines() if line.strip()],
            "attestations": ticked,
        }
        if "declared_aid" in self.fields:
            aid = data["declared_aid"]
            result["declared_aid"] = None if aid is None else from_decimal(aid)
        return result


class ProjectStep(StepForm):
    """What it is about and who does it."""

    title = forms.CharField(label=_label("title"), required=False, max_length=LENGTHS["title"])
    abstract = forms.CharField(
        label=_label("abstract"),
        required=False,
        max_length=LENGTHS["abstract"],
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_("For people of another field: what, why, and what is new. At most 3,000 characters."),
    )
    project = forms.ModelChoiceField(
        label=_("Project"),
        queryset=Project.objects.none(),
        to_field_name="public_id",
        required=False,
        empty_label=_("A new one, if awarded"),
        help_text=_("Where the credits would be spent."),
    )

    def build(self) -> None:
        """Offer the organisation's projects and rows for the team."""
        projects: Any = self.fields["project"]
        projects.queryset = Project.objects.visible_to(self.actor)
        for number in range(1, TEAM_ROWS + 1):
            self.fields[f"name_{number}"] = forms.CharField(label=_("Name"), required=False, max_length=120)
            self.fields[f"email_{number}"] = forms.EmailField(label=_("E-mail"), required=False)
            self.fields[f"role_{number}"] = forms.CharField(label=_("Role"), required=False, max_length=80)
            self.fields[f"cv_{number}"] = forms.CharField(
                label=_("CV in brief"), required=False, max_length=1500, widget=forms.Textarea(attrs={"rows": 2})
            )

    @property
    def people(self) -> list[dict[str, Any]]:
        """Return the rows of the team, each with its four fields."""
        return [
            {"number": number, "fields": [self[f"{key}_{number}"] for key in ("name", "email", "role", "cv")]}
            for number in range(1, TEAM_ROWS + 1)
        ]

    def stored(self) -> dict[str, Any]:
        """Return the fields of the draft."""
        own = self.application
        rows = {
            f"{key}_{number}": one.get(key, "")
            for number, one in enumerate(own.team, 1)
            for key in ("name", "email", "role", "cv")
        }
        project = own.project.public_id if own.project else ""
        return {"title": own.title, "abstract": own.abstract, "project": project, **rows}

    def clean(self) -> dict[str, Any]:
        """Ask for name and address of each person who is named at all."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        for number in range(1, TEAM_ROWS + 1):
            named = [key for key in ("name", "email", "role", "cv") if data.get(f"{key}_{number}")]
            for key, words in (("name", _("Enter a name.")), ("email", _("Enter an e-mail address."))):
                if named and key not in named and f"{key}_{number}" not in self.errors:
                    self.add_error(f"{key}_{number}", words)
        return data

    def data_of_step(self) -> dict[str, Any]:
        """Return the fields of the draft; the API may have named more people than the page has rows: they stay."""
        data = self.cleaned_data
        rows = [
            {key: data[f"{key}_{number}"] for key in ("name", "email", "role", "cv")}
            for number in range(1, TEAM_ROWS + 1)
        ]
        project = data["project"]
        return {
            "title": data["title"],
            "abstract": data["abstract"],
            "project": project.public_id if project else "",
            "team": [*rows, *self.application.team[TEAM_ROWS:]],
        }


class WorkloadStep(StepForm):
    """What is done, on which data, and what becomes of it."""

    work_plan = forms.CharField(
        label=_label("work_plan"),
        required=False,
        max_length=LENGTHS["work_plan"],
        widget=forms.Textarea(attrs={"rows": 10}),
        help_text=_("Steps, months and what each delivers. At most 12,000 characters."),
    )
    data_class = forms.ChoiceField(
        label=_label("data_class"),
        required=False,
        choices=[("", _("Choose")), *DATA_CLASSES],
        help_text=_("The most sensitive data that the work needs."),
    )
    openness = forms.ChoiceField(
        label=_label("openness"),
        required=False,
        choices=[("", _("Choose")), *OPENNESS],
        help_text=_("What becomes of models, data and code."),
    )
    ethics = forms.CharField(
        label=_label("ethics"),
        required=False,
        max_length=LENGTHS["ethics"],
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Risks for people and what is done about them; licences of data and models."),
    )
    acknowledgement = forms.BooleanField(label=_label("acknowledgement"), required=False)


class EstimateStep(StepForm):
    """The work items: GPU-hours, or model size and tokens to have them estimated."""

    def build(self) -> None:
        """Add the rows."""
        skus = [("", _("Choose")), *self.choices]
        for number in range(1, ITEM_ROWS + 1):
            self.fields[f"title_{number}"] = forms.CharField(label=_("Title"), required=False, max_length=120)
            self.fields[f"sku_code_{number}"] = forms.ChoiceField(label=_("GPU"), required=False, choices=skus)
            self.fields[f"gpu_hours_{number}"] = forms.IntegerField(label=_("GPU-hours"), required=False, min_value=1)
            for key, words in (("params", _("Model size (billions)")), ("tokens", _("Tokens (billions)"))):
                self.fields[f"{key}_{number}"] = forms.DecimalField(
                    label=words, required=False, min_value=Decimal("0.001"), max_digits=12, decimal_places=3
                )
            self.fields[f"mfu_{number}"] = forms.DecimalField(
                label=_("Share of peak (%)"), required=False, max_digits=4, decimal_places=2
            )

    def __init__(self, *args: Any, choices: list[tuple[str, str]], **kwargs: Any) -> None:
        """Offer the accelerators of the call."""
        self.choices = choices
        super().__init__(*args, **kwargs)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Return the rows: title and GPU, and the two ways to say how much."""
        return [
            {
                "number": number,
                "what": [self[f"{key}_{number}"] for key in ("title", "sku_code", "gpu_hours")],
                "training": [self[f"{key}_{number}"] for key in ("params", "tokens", "mfu")],
            }
            for number in range(1, ITEM_ROWS + 1)
        ]

    def stored(self) -> dict[str, Any]:
        """Return the items of the draft; hours that were estimated are not entered ones."""
        found: dict[str, Any] = {}
        for number, item in enumerate(self.application.items.all(), 1):
            estimated = item.params is not None
            found |= {
                f"title_{number}": item.title,
                f"sku_code_{number}": item.sku_code,
                f"gpu_hours_{number}": None if estimated else item.gpu_hours,
                f"params_{number}": _shown(item.params, BILLION),
                f"tokens_{number}": _shown(item.tokens, BILLION),
                f"mfu_{number}": _shown(item.mfu_bp, BASIS_POINTS_PER_PERCENT),
            }
        return found

    def data_of_step(self) -> dict[str, Any]:
        """Return the items that were filled in."""
        rows = [self._row(number) for number in range(1, ITEM_ROWS + 1)]
        self.numbers = [number for number, row in enumerate(rows, 1) if any(value for value in row.values())]
        return {"items": [rows[number - 1] for number in self.numbers]}

    def _row(self, number: int) -> dict[str, Any]:
        data = {key: self.cleaned_data[f"{key}_{number}"] for key in ("title", "sku_code", "gpu_hours")}
        training = {
            "params": _whole(self.cleaned_data[f"params_{number}"], BILLION),
            "tokens": _whole(self.cleaned_data[f"tokens_{number}"], BILLION),
            "mfu_bp": _whole(self.cleaned_data[f"mfu_{number}"], BASIS_POINTS_PER_PERCENT),
        }
        return data | training

    def refuse(self, field: str | None, text: str, details: Mapping[str, Any]) -> None:
        """Put the refusal beside the part of the item that it is about."""
        position, part = details.get("position"), str(details.get("part", ""))
        if isinstance(position, int) and 0 < position <= len(self.numbers):
            name = f"{'mfu' if part == 'mfu_bp' else part}_{self.numbers[position - 1]}"
            self.add_error(name if name in self.fields else None, text)
            return
        super().refuse(field, text, details)


def _whole(value: Decimal | None, scale: int) -> int | None:
    return None if value is None else int(value * scale)


def _shown(value: int | None, scale: int) -> Decimal | None:
    return None if value is None else Decimal(value) / scale


class AttachmentForm(forms.Form):
    """A file for the application."""

    kind = forms.ChoiceField(label=_("Kind"), choices=ATTACHMENT_KINDS, widget=forms.Select(attrs={"class": "control"}))
    file = forms.FileField(
        label=_("File"),
        help_text=_("PDF, PNG or JPEG, at most 20 MB."),
        widget=forms.ClearableFileInput(attrs={"class": "control", "accept": ".pdf,.png,.jpg,.jpeg"}),
        max_length=500,
    )
