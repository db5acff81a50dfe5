# SPDX-License-Identifier: Apache-2.0
"""Budgets: how each stands, what was reached, and setting, changing and ending them."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext as _

from aion import clock
from aion.actor import Actor, Scope
from aion.errors import DomainError, NotFound
from aion.tenancy.queries import names_of
from aion.web.views import ActorView
from billing import queries
from billing.models import Budget
from billing.portal.forms import BudgetForm, NewBudgetForm, initial_of, steps_shown
from billing.services import budgets
from billing.states import BudgetScope

PAGE = 25
FIELDS = {"name": "name", "amount": "amount", "scope": "target", "project": "target", "member": "target",
          "lot": "target", "period": "period", "steps": "percent_1"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """A budget as the page shows it."""

    budget: Budget
    standing: queries.BudgetStanding
    target: str
    ends_at: Any

    @property
    def committed(self) -> int:
        """Return what is spent and held."""
        return self.standing.spent + self.standing.held

    @property
    def over(self) -> int:
        """Return by how much the cap is passed, after it was lowered."""
        return -self.standing.left

    @property
    def tone(self) -> str:
        """Return how near the cap is; the text beside the meter says it too."""
        share = self.committed * 100 // self.budget.amount
        return "danger" if share >= 100 else "warning" if share >= 80 else ""


def rows_of(actor: Actor, found: list[Budget]) -> list[Row]:
    """Return budgets with standing and target, in a constant number of queries."""
    people = names_of(one.member_id for one in found)
    return [
        Row(budget=one, standing=standing, target=_target(one, people), ends_at=ends_at)
        for one, standing, ends_at in budgets.with_standing(actor, found, at=clock.now())
    ]


def _target(budget: Budget, people: dict[int, str]) -> str:
    if budget.project is not None:
        return budget.project.name
    if budget.lot is not None:
        return str(budget.lot.label)
    if budget.member_id is not None:
        return people.get(budget.member_id, str(budget.member_id))
    return _("each single workload") if budget.scope == BudgetScope.WORKLOAD else _("the whole organisation")


def add_error(form: BudgetForm, error: DomainError) -> None:
    """Put a refusal beside the field it is about, or on top of the form."""
    name = FIELDS.get(error.field or "")
    form.add_error(name if name in form.fields else None, error.detail)


class BudgetsView(ActorView):
    """All budgets in force, the steps they reached, and a form for a new one."""

    scope = Scope.BUDGETS_READ
    write_scope = Scope.BUDGETS_WRITE

    def get(self, request: HttpRequest) -> HttpResponse:
        """List budgets and offer a form."""
        return self._page(request, NewBudgetForm(actor=self.actor))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Set a budget, or show what is wrong beside the field."""
        form = NewBudgetForm(request.POST, actor=self.actor)
        if form.is_valid():
            try:
                budgets.create_budget(actor=self.actor, wish=form.wish(), at=clock.now())
            except DomainError as error:
                add_error(form, error)
            else:
                messages.success(request, _("The budget holds from now on."))
                return redirect("portal:budgets", slug=self.organisation.slug)
        return self._page(request, form, status=422)

    def _page(self, request: HttpRequest, form: BudgetForm, *, status: int = 200) -> HttpResponse:
        context = {
            "form": form,
            "rows": rows_of(self.actor, list(queries.budgets(self.actor))),
            "page": Paginator(queries.crossings(self.actor), PAGE).get_page(request.GET.get("page")),
        }
        return render(request, "billing/budgets.html", context, status=status)


class BudgetBase(ActorView):
    """The base of everything about one budget."""

    scope = Scope.BUDGETS_WRITE

    def row(self, public_id: str) -> Row:
        """Return the budget. Raises NotFound for a stranger's and for an ended one."""
        budget = queries.budgets(self.actor).filter(public_id=public_id).first()
        rows = rows_of(self.actor, [] if budget is None else [budget])
        if not rows:
            raise NotFound(gettext("There is no such budget."))
        return rows[0]


class BudgetView(BudgetBase):
    """Changes a budget in place."""

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Show the form."""
        row = self.row(public_id)
        return self._page(request, row, BudgetForm(initial=initial_of(row.budget), steps=steps_shown(row.budget)))

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Save, or show what is wrong beside the field."""
        row = self.row(public_id)
        form = BudgetForm(request.POST, steps=steps_shown(row.budget))
        if form.is_valid():
            try:
                budgets.change_budget(
                    actor=self.actor,
                    public_id=public_id,
                    name=form.cleaned_data["name"],
                    amount=form.micro(),
                    steps=form.steps(),
                    at=clock.now(),
                )
            except DomainError as error:
                add_error(form, error)
            else:
                messages.success(request, _("Saved."))
                return redirect("portal:budgets", slug=self.organisation.slug)
        return self._page(request, row, form, status=422)

    def _page(self, request: HttpRequest, row: Row, form: BudgetForm, *, status: int = 200) -> HttpResponse:
        return render(request, "billing/budget.html", {"row": row, "form": form}, status=status)


class EndBudgetView(BudgetBase):
    """Ends a budget after a confirmation."""

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Ask, for those without JavaScript."""
        return render(request, "billing/budget_end.html", {"row": self.row(public_id)})

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """End it and go to the list."""
        budgets.end_budget(actor=self.actor, public_id=public_id, at=clock.now())
        messages.success(request, _("The budget is ended: it caps nothing any more."))
        return redirect("portal:budgets", slug=self.organisation.slug)
