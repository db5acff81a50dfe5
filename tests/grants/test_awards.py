# SPDX-License-Identifier: Apache-2.0
"""After the award: use as the ledger says it, more time, reclaim, the final report, and the funder's."""

import csv
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.urls import reverse

from aion.errors import DomainError
from aion.events.models import Event
from billing.models import Transfer
from billing.services.metering import Window, post_windows
from marketplace.grants.letters import funder_pdf
from marketplace.grants.models import Award, FinalReport, Reclaim
from marketplace.grants.queries.awards import draw_down, reclaimed
from marketplace.grants.queries.funder import funder_lines, totals_of
from marketplace.grants.services import awards, reports
from tests.billing.books import LATE, correct, drift
from tests.grants.award_scenes import award, make_application, make_programme, runner, staff
from tests.worlds import MICRO, NOW, PRICE, Market, Tenant, browser, make_meter, make_tenant, text

WORDS = {"results": "It speaks Breton.", "publications": "", "difficulties": ""}


def code_of(act: Any) -> str:
    with pytest.raises(DomainError) as refused:
        act()
    return refused.value.code


def won(amount: int = 1_000 * MICRO, **fields: Any) -> tuple[Tenant, Award]:
    tenant = make_tenant("winner", credit=0)
    programme = make_programme(runner(), **fields)
    return tenant, award(make_application(tenant, programme, title="Łódź – α"), amount)


def use(tenant: Tenant, market: Market, *, gpus: int = 1, hours: int = 1) -> Any:
    meter = make_meter(tenant, market, milli_gpus=gpus * 1000, hold=gpus * hours * PRICE)
    windows = [Window(NOW + timedelta(hours=hour), meter.pk, 3600) for hour in range(hours)]
    post_windows(windows=windows, source="test", at=LATE)
    return meter


def test_the_use_of_an_award_is_what_its_lot_paid(market: Market) -> None:
    tenant, made = won()
    use(tenant, market, gpus=2, hours=3)
    used = draw_down(made)
    made.lot.refresh_from_db()
    assert used.spent == 6 * PRICE == made.lot.debits
    assert (used.milli_gpu_seconds, used.runs) == (6 * 3_600_000, 1)
    assert used.by_site == {market.site.code: 6 * 3_600_000}
    assert sum(used.by_week.values()) == used.spent
    assert used.watt_hours > 0


def test_a_correction_is_taken_off_the_use(market: Market) -> None:
    tenant, made = won()
    meter = use(tenant, market)
    correct(meter, NOW, 1800)
    assert draw_down(made).spent == PRICE // 2
    assert draw_down(made).milli_gpu_seconds == 1_800_000


def test_an_award_that_paid_half_bears_half_of_the_hours(market: Market) -> None:
    tenant, made = won(amount=PRICE)
    from tests.worlds import make_lot

    make_lot(tenant.organisation, 100)
    use(tenant, market, gpus=1, hours=2)
    used = draw_down(made)
    assert (used.spent, used.milli_gpu_seconds) == (PRICE, 3_600_000)


def test_more_time_moves_expiry_and_report_and_only_while_it_runs(market: Market) -> None:
    tenant, made = won()
    actor, until = tenant.actor(), (made.expires_at + timedelta(days=30)).date()
    ask = lambda **fields: awards.request_extension(  # noqa: E731
        **{"actor": actor, "public_id": made.public_id, "until": until, "reason": "The cluster was late.", "at": NOW,
           **fields}
    )  # fmt: skip
    assert code_of(lambda: ask(until=NOW.date())) == "invalid"
    assert code_of(lambda: ask(reason=" ")) == "invalid"
    assert code_of(lambda: ask(at=made.expires_at)) == "conflict"
    request = ask()
    assert code_of(ask) == "conflict"
    awards.decide_extension(actor=staff(), request=request, approve=True, reason="Yes.", at=NOW)
    after = Award.objects.get(pk=made.pk)
    assert after.expires_at == after.lot.expires_at == made.expires_at + timedelta(days=31)
    assert after.report_due_on == made.report_due_on + timedelta(days=31)
    assert Event.objects.get(type="grant.extension_decided").data["state"] == "approved"
    assert code_of(
        lambda: awards.decide_extension(actor=staff(), request=request, approve=False, reason="x", at=NOW)
    ) == "not_found"  # fmt: skip


def test_unused_credit_goes_back_to_the_pot_once_and_never_what_is_held(market: Market) -> None:
    tenant, made = won(amount=100 * MICRO, pot=100 * MICRO, cap_per_award=100 * MICRO)
    make_meter(tenant, market, hold=40 * MICRO)
    proposer = staff()
    assert code_of(
        lambda: awards.propose_reclaim(actor=proposer, award=made, amount=60 * MICRO + 1, reason="x", at=NOW)
    ) == "invalid_amount"  # fmt: skip
    proposal = awards.propose_reclaim(actor=proposer, award=made, amount=None, reason="unused", at=NOW)
    decide = lambda actor: awards.decide_reclaim(  # noqa: E731
        actor=actor, proposal=proposal, approve=True, reason="", at=NOW
    )
    assert code_of(lambda: decide(proposer)) == "four_eyes"
    decide(staff())
    assert code_of(lambda: decide(staff())) == "not_found"
    made.programme.refresh_from_db()
    made.lot.refresh_from_db()
    assert (made.programme.left, reclaimed(made)) == (60 * MICRO, 60 * MICRO)
    assert (made.lot.available, made.lot.held) == (0, 40 * MICRO)
    assert Transfer.objects.filter(kind="reclaim").count() == 1
    assert drift() == []
    again = award(make_application(make_tenant("next", credit=0), made.programme), 60 * MICRO)
    assert again.amount == 60 * MICRO


def test_the_rule_of_use_warns_first_and_then_only_proposes(market: Market) -> None:
    tenant, _made = won(amount=100 * MICRO, check_after_days=60, min_used_percent=30)
    use(tenant, market, hours=4)
    assert awards.apply_unused_rule(at=NOW + timedelta(days=45)) == 0
    assert not Event.objects.filter(type="grant.unused_warned").exists()
    for _ in range(2):
        assert awards.apply_unused_rule(at=NOW + timedelta(days=46)) == 0
    assert Event.objects.filter(type="grant.unused_warned").count() == 1
    assert [awards.apply_unused_rule(at=NOW + timedelta(days=60)) for _ in range(2)] == [1, 0]
    proposal = Reclaim.objects.get()
    assert (proposal.amount, proposal.state, proposal.proposed_by_id) == (30 * MICRO - 4 * PRICE, "pending", None)
    assert not Transfer.objects.filter(kind="reclaim").exists()


def test_a_report_keeps_the_figures_of_the_moment_it_was_handed_in(market: Market) -> None:
    tenant, made = won()
    use(tenant, market, gpus=2)
    actor = tenant.actor()
    submit = lambda: reports.submit_report(actor=actor, public_id=made.public_id, at=LATE)  # noqa: E731
    assert code_of(submit) == "invalid"
    reports.save_report(actor=actor, public_id=made.public_id, **WORDS)
    if made.lot.held:
        assert code_of(submit) == "report_not_possible"
    report = submit()
    paid = sum(Transfer.objects.filter(kind="usage", debit_account=made.lot).values_list("amount", flat=True))
    assert report.figures["spent_microcredits"] == paid == 2 * PRICE
    assert report.figures["milli_gpu_seconds"] == 2 * 3_600_000
    assert code_of(submit) == "report_not_possible"
    assert code_of(lambda: reports.save_report(actor=actor, public_id=made.public_id, **WORDS)) == "report_not_possible"
    returned = reports.decide_report(actor=staff(), report=report, accept=False, reason="Name the model.", at=LATE)
    assert (returned.state, Award.objects.get().state) == ("returned", "active")
    submit()
    reports.decide_report(actor=staff(), report=report, accept=True, reason="", at=LATE)
    assert (FinalReport.objects.get().state, Award.objects.get().state) == ("accepted", "closed")


def test_a_report_is_asked_for_a_month_and_a_week_before_and_when_it_is_overdue(market: Market) -> None:
    _tenant, made = won(lot_days=30, report_days=90)
    for days_left, wanted in ((31, 0), (30, 1), (20, 0), (7, 1), (-1, 1), (-5, 0)):
        at = NOW.replace(hour=12) + timedelta(days=(made.report_due_on - NOW.date()).days - days_left)
        assert reports.remind_of_reports(at=at) == wanted, days_left


def test_the_funders_report_has_the_same_figures_as_csv_page_and_pdf(market: Market) -> None:
    tenant, made = won()
    use(tenant, market, gpus=2)
    programme = made.programme
    lines = funder_lines(programme)
    totals = totals_of(lines)
    assert (totals.spent, totals.milli_gpu_seconds, totals.awards) == (2 * PRICE, 2 * 3_600_000, 1)
    host = programme.organisation
    client = browser(Tenant(host, tenant.project, {"owner": host.memberships.get(role="owner").user}))
    where = {"slug": host.slug, "public_id": programme.public_id}
    answer = client.get(reverse("portal:programme_csv", kwargs=where))
    (row,) = csv.DictReader(StringIO(text(answer)))
    assert (row["spent_eur"], row["gpu_hours"], row["title"], row["state_aid"]) == (
        "4.980000", "2.000", "Łódź – α", "no aid"
    )  # fmt: skip
    assert "Łódź" in client.get(reverse("portal:programme", kwargs=where)).content.decode()
    pdf = client.get(reverse("portal:programme_pdf", kwargs=where))
    assert (pdf["Content-Type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")
    assert funder_pdf(programme=programme, lines=lines, totals=totals, at=NOW)


@pytest.mark.parametrize("page", ["award", "award_extend", "award_report"])
def test_the_pages_of_an_award_show_it(market: Market, page: str) -> None:
    tenant, made = won()
    use(tenant, market)
    where = {"slug": tenant.organisation.slug, "public_id": made.public_id}
    assert "Łódź" in browser(tenant).get(reverse(f"portal:{page}", kwargs=where)).content.decode()


def test_the_report_is_written_and_handed_in_on_its_page(market: Market) -> None:
    tenant, made = won()
    client = browser(tenant)
    path = reverse("portal:award_report", kwargs={"slug": "winner", "public_id": made.public_id})
    assert client.post(path + "submit/", {}).status_code == 422
    assert client.post(path, {"results": "It"}).status_code == 302
    assert client.post(path + "submit/", WORDS).status_code == 302
    assert "It speaks Breton." in client.get(path).content.decode()


def test_the_letter_of_an_award_is_a_pdf_in_any_european_language(market: Market) -> None:
    tenant, made = won()
    path = reverse("portal:award_letter", kwargs={"slug": tenant.organisation.slug, "public_id": made.public_id})
    for language in ("en", "fr"):
        answer = browser(tenant).get(path, HTTP_ACCEPT_LANGUAGE=language)
        assert (answer["Content-Type"], answer.content[:5]) == ("application/pdf", b"%PDF-")
