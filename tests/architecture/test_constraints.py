# SPDX-License-Identifier: Apache-2.0
"""A constraint that a form meets answers in words: its name is for the machine."""

from django.apps import apps
from django.db.models import Model, UniqueConstraint
from django.db.models.constraints import BaseConstraint

from aion.apps import NOT_TOGETHER

HOUSE = {"aion", "billing", "clusters", "marketplace"}
FORMS = {"aidrule", "programme", "criterion"}


def constraints() -> list[tuple[type[Model], BaseConstraint]]:
    models = [one for one in apps.get_models() if one.__module__.split(".")[0] in HOUSE]
    return [(model, one) for model in models for one in model._meta.constraints]


def test_the_name_of_a_constraint_reaches_nobody() -> None:
    met = constraints()
    telling = [one.name for _, one in met if one.name in str(one.get_violation_error_message())]
    assert (len(met) > 50, telling) == (True, [])


def test_what_staff_may_type_wrongly_into_a_call_or_an_aid_rule_has_words_of_its_own() -> None:
    silent = [
        one.name
        for model, one in constraints()
        if model._meta.model_name in FORMS
        and not isinstance(one, UniqueConstraint)
        and one.get_violation_error_message() == NOT_TOGETHER
    ]
    assert silent == []
