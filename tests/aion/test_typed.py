# SPDX-License-Identifier: Apache-2.0
"""What people type into a form is judged alike everywhere, and the answer says what is wanted."""

from decimal import Decimal
from typing import Any

import pytest
from django import forms
from django.test import Client
from django.utils import translation

from aion import characters
from aion.api.serializers import Text
from tests.worlds import Tenant

UNSEEN = ["\x00", "\x07", "\x1b", "\x7f", "\x9b", "\u00ad", "\u200b", "\u200e", "\u202e", "\u2066", "\u2028", "\ufeff",
          "\u3164", "\U000e0041"]  # fmt: skip
SEEN = ["Zoë", "Łukasz", "李雷", "می‌خواهم", "👩‍🚀", "O’Neil", "a" * 80]


class Typed(forms.Form):
    """One field of each kind."""

    line = forms.CharField(required=False)
    prose = forms.CharField(required=False, widget=forms.Textarea)
    secret = forms.CharField(required=False, widget=forms.PasswordInput)
    amount = forms.DecimalField(required=False)
    count = forms.IntegerField(required=False)
    rules = forms.JSONField(required=False)
    day = forms.DateField(required=False)
    moment = forms.DateTimeField(required=False)
    choice = forms.ChoiceField(required=False, choices=[("a", "A")])
    choices = forms.MultipleChoiceField(required=False, choices=[("a", "A")])


@pytest.mark.parametrize("character", UNSEEN, ids=lambda one: f"{ord(one):x}")
def test_what_nobody_sees_is_refused_beside_its_field_in_forms_and_api_alike(character: str) -> None:
    form = Typed({"line": f"a{character}b", "prose": f"a{character}b"})
    refused = [str(characters.REFUSED)]
    assert form.errors == {"line": refused, "prose": refused}
    for lines in (False, True):
        with pytest.raises(Exception, match="nobody sees"):
            Text(lines=lines).run_validation(f"a{character}b")


@pytest.mark.parametrize("rules", ['"\\u0000"', '[{"id": "a\\u202e"}]', '{"\\u200b": 1}', '"\\ud800"'])
def test_what_nobody_sees_is_refused_inside_json(rules: str) -> None:
    assert Typed({"rules": rules}).errors == {"rules": [str(characters.REFUSED)]}
    assert Typed({"rules": '[{"id": "a", "params": {"most": 3}}]'}).is_valid()


@pytest.mark.parametrize("rules", ["[" * 100_000, "9" * 5000, "NaN]", "{"])
def test_what_is_no_json_that_python_reads_is_refused(rules: str) -> None:
    assert Typed({"rules": rules}).errors == {"rules": ["Enter a valid JSON."]}


@pytest.mark.parametrize("text", SEEN)
def test_names_of_all_scripts_and_joined_emoji_are_texts(text: str) -> None:
    form = Typed({"line": text})
    assert (form.is_valid(), form.cleaned_data["line"], Text().run_validation(text)) == (True, text, text)


def test_line_breaks_and_tabs_are_text_only_where_there_are_several_lines() -> None:
    form = Typed({"line": "a\nb", "prose": "a\r\n\tb", "secret": "a\u200bb"})
    assert form.errors == {"line": [str(characters.REFUSED)]}
    assert Text(lines=True).run_validation("a\n\tb") == "a\n\tb"


@pytest.mark.parametrize(
    ("language", "typed", "meant"),
    [
        ("en-gb", "12.5", "12.5"),
        ("en-gb", " 1 234.5 ", "1234.5"),
        ("en-gb", "12,5", None),
        ("en-gb", "1,234.5", None),
        ("fr", "12,5", "12.5"),
        ("fr", "12.5", "12.5"),
        ("fr", "1\u202f234,5", "1234.5"),
        ("fr", "1\u00a0234,5", "1234.5"),
        ("fr", "1.234,5", None),
        ("fr", "1,2,3", None),
        ("fr", "NaN", None),
    ],
)
def test_a_decimal_comma_counts_where_the_language_has_one(language: str, typed: str, meant: str | None) -> None:
    with translation.override(language):
        form = Typed({"amount": typed})
        assert form.is_valid() is (meant is not None)
        assert form.cleaned_data.get("amount") == (None if meant is None else Decimal(meant))


def test_a_whole_number_may_have_its_thousands_apart_and_no_comma() -> None:
    with translation.override("fr"):
        assert Typed({"count": "1\u202f234"}).is_valid()
        assert not Typed({"count": "1,5"}).is_valid()


def test_a_refusal_says_the_form_that_is_wanted_and_repeats_nothing_long() -> None:
    long = "x" * 100_000
    form = Typed({"amount": "a", "count": "a", "day": "a", "moment": "a", "choice": long, "choices": long})
    assert form.errors == {
        "amount": ["Write a number, such as 12.5."],
        "count": ["Write a whole number, such as 12."],
        "day": ["Write a day as year-month-day, such as 2026-11-30."],
        "moment": ["Write a day and a time, such as 2026-11-30 14:30."],
        "choice": ["Choose one of the list."],
        "choices": ["Choose one of the list."],
    }


@pytest.mark.parametrize("name", ["", "   ", "\u200d", "...", "12", "\u202eevil", "a\x00b", "x" * 121])
def test_a_person_keeps_a_name_that_others_can_read(mine: Tenant, client: Client, name: str) -> None:
    person: Any = mine.people["owner"]
    client.force_login(person)
    answer = client.post("/account/", {"name": name})
    before = person.name
    person.refresh_from_db()
    assert (answer.status_code, person.name) == (422, before)


def test_a_name_that_another_provider_sends_is_kept_as_far_as_it_can_be_seen() -> None:
    assert characters.without_unseen("\u202eAda\x00 Lovelace\u200b") == "Ada Lovelace"


@pytest.mark.parametrize("value", [5, 5.5, True, None, [], {}])
def test_the_api_takes_nothing_but_text_for_text(mine: Tenant, api: Any, value: Any) -> None:
    answer = api(mine.key()).post("/api/v1/projects", {"name": value}, format="json")
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["name"])


def test_a_problem_repeats_little_of_what_was_sent(mine: Tenant, api: Any) -> None:
    sent = {"name": "a", "residency_policy": "x" * 50_000, "y" * 50_000: 1}
    answer = api(mine.key()).post("/api/v1/projects", sent, format="json")
    assert answer.status_code == 422
    assert len(answer.content) < 2000
