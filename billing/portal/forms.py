# SPDX-License-Identifier: Apache-2.0
"""Forms of budgets: they parse; services decide."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from aion.actor import Actor
from aion.money import from_decimal, to_decimal
from aion.tenancy.queries import members, projects
from billing import queries
from billing.models import Budget
from billing.models.budgets import ACTIONS, PERIODS
from billing.services.budgets import DEFAULT_STEPS, MAX_AMOUNT, BudgetWish
from billing.states import BudgetAction, BudgetPeriod, BudgetScope

CONTROL = {"class": "control"}
STEPS = 4


class BudgetForm(forms.Form):
    """What stays changeable in a budget: name, cap and steps."""

    name = forms.CharField(label=_("Name"), max_length=80, widget=forms.TextInput(attrs=CONTROL))
    amount = forms.DecimalField(
        label=_("Cap (credits)"),
        min_value=Decimal("0.000001"),
        max_value=to_decimal(MAX_AMOUNT),
        decimal_places=6,
        widget=forms.NumberInput(attrs={**CONTROL, "step": "any", "inputmode": "decimal"}),
    )

    def __init__(self, *args: Any, steps: int = STEPS, **kwargs: Any) -> None:
        """Add one pair of share and action for each of ``steps``."""
        super().__init__(*args, **kwargs)
        self.places = range(1, steps + 1)
        for number in self.places:
            self.fields[f"percent_{number}"] = forms.IntegerField(
                label=_("Step %(n)s: from per cent") % {"n": number},
                required=False,
                min_value=1,
                max_value=100,
                widget=forms.NumberInput(attrs=CONTROL),
            )
            self.fields[f"action_{number}"] = forms.ChoiceField(
                label=_("Step %(n)s: then") % {"n": number},
                choices=ACTIONS,
                required=False,
                widget=forms.Select(attrs=CONTROL),
            )

    def add_error(self, field: str | None, error: Any) -> None:
        """Mark the control as well."""
        super().add_error(field, error)
        if field in self.fields:
            self.fields[field].widget.attrs["aria-invalid"] = "true"

    def step_fields(self) -> list[tuple[Any, Any]]:
        """Return the pairs of fields."""
        return [(self[f"percent_{n}"], self[f"action_{n}"]) for n in self.places]

    def steps(self) -> tuple[tuple[int, BudgetAction], ...]:
        """Return the steps whose share is given."""
        data = self.cleaned_data
        return tuple(
            (data[f"percent_{n}"], BudgetAction(data[f"action_{n}"] or BudgetAction.ALERT))
            for n in self.places
            if data[f"percent_{n}"]
        )

    def micro(self) -> int:
        """Return the cap in micro-credits."""
        return from_decimal(self.cleaned_data["amount"])


class NewBudgetForm(BudgetForm):
    """A new budget. One select names scope and target together, so that it needs no JavaScript."""

    target = forms.ChoiceField(label=_("For"), widget=forms.Select(attrs=CONTROL))
    period = forms.ChoiceField(
        label=_("Period"),
        choices=PERIODS,
        initial=BudgetPeriod.MONTH,
        widget=forms.Select(attrs=CONTROL),
        help_text=_("Periods begin at 00:00 UTC, weeks on Monday. For each single workload choose “in all”."),
    )
    field_order = ("name", "target", "period", "amount")

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        """Offer only what the actor may see."""
        kwargs.setdefault("initial", {}).update(initial_steps(DEFAULT_STEPS))
        super().__init__(*args, **kwargs)
        target: Any = self.fields["target"]
        groups = [
            (_("Projects"), [(f"project:{one.public_id}", one.name) for one in projects(actor)]),
            (_("Members"), [(f"member:{one.user_id}", str(one.user)) for one in members(actor)]),
            (
                _("Credit lots"),
                [(f"grant:{one.public_id}", f"{one.label} ({one.public_id})") for one in queries.lots(actor)],
            ),
        ]
        target.choices = [
            ("organisation:", _("the whole organisation")),
            ("workload:", _("each single workload")),
            *[(title, choices) for title, choices in groups if choices],
        ]

    def wish(self) -> BudgetWish:
        """Return what the person wants."""
        data = self.cleaned_data
        kind, _colon, key = data["target"].partition(":")
        scope = BudgetScope(kind)
        return BudgetWish(
            name=data["name"],
            scope=scope,
            period=BudgetPeriod(data["period"]),
            amount=self.micro(),
            project_id=key if scope is BudgetScope.PROJECT else "",
            member_id=int(key) if scope is BudgetScope.MEMBER else None,
            lot_id=key if scope is BudgetScope.GRANT else "",
            steps=self.steps(),
        )


def initial_steps(steps: Any) -> dict[str, Any]:
    """Return the initial values of the pairs of fields."""
    values: dict[str, Any] = {}
    for number, (percent, action) in enumerate(tuple(steps), 1):
        values |= {f"percent_{number}": percent, f"action_{number}": action}
    return values


def steps_shown(budget: Budget) -> int:
    """Return how many steps the form of ``budget`` needs: all of its own, since saving writes what the form shows."""
    return max(STEPS, budget.steps.count() + 1)


def initial_of(budget: Budget) -> dict[str, Any]:
    """Return the values of a stored budget."""
    amount = to_decimal(budget.amount).normalize()
    shown = initial_steps((step.percent, step.action) for step in budget.steps.all())
    return {"name": budget.name, "amount": f"{amount:f}", **shown}
