# SPDX-License-Identifier: Apache-2.0
"""The ranking against arithmetic by hand and against an oracle, in one query however many there are."""

from fractions import Fraction
from random import Random

from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplace.grants.queries.ranking import ranking
from tests.grants.award_scenes import CLOSED, make_application, make_programme, make_review, make_reviewer, runner
from tests.worlds import make_tenant

WEIGHTS = (60, 40)


def test_points_are_the_weighted_means_of_what_was_handed_in(db: None) -> None:
    tenant = runner()
    programme = make_programme(tenant)
    application = make_application(make_tenant("a", credit=0), programme)
    for values in ((5, 4), (4, 1)):
        make_review(application, make_reviewer(tenant)[0], values)
    (one,) = ranking(programme.pk)
    # 60 x (4.5 / 5) + 40 x (2.5 / 5) = 54 + 20
    assert (one.points, one.reviews, one.rank) == (7400, 2, 1)


def test_ties_go_to_the_first_criterion_and_then_to_the_earlier_one(db: None) -> None:
    tenant = runner()
    programme = make_programme(tenant)
    reviewer, _actor = make_reviewer(tenant)
    late, early, impact = (make_application(make_tenant(name, credit=0), programme) for name in "abc")
    type(late).objects.filter(pk=late.pk).update(state="draft")
    make_application(make_tenant("no-review", credit=0), programme)
    other = make_application(make_tenant("d", credit=0), programme, submitted_at=CLOSED)
    make_review(early, reviewer, (2, 3))
    make_review(impact, reviewer, (4, 0))
    make_review(other, reviewer, (2, 3))
    found = ranking(programme.pk)
    assert [one.application_id for one in found[:3]] == [impact.pk, early.pk, other.pk]
    assert [one.rank for one in found] == [1, 2, 3, None]


def test_a_random_programme_is_ranked_as_an_oracle_ranks_it_in_one_query(db: None) -> None:
    tenant, random = runner(), Random(7)
    programme = make_programme(tenant)
    reviewers = [make_reviewer(tenant)[0] for _ in range(3)]
    wanted = {}
    for number in range(25):
        application = make_application(make_tenant(f"r{number}", credit=0, roles=()), programme)
        given = [(random.randint(0, 5), random.randint(0, 5)) for _ in reviewers]
        for reviewer, values in zip(reviewers, given, strict=True):
            make_review(application, reviewer, values)
        means = [Fraction(sum(values[index] for values in given), 3 * 5) for index in (0, 1)]
        exact = sum(weight * mean for weight, mean in zip(WEIGHTS, means, strict=True)) * 100
        wanted[application.pk] = int(exact + Fraction(1, 2))
    with CaptureQueriesContext(connection) as captured:
        found = ranking(programme.pk)
    assert {one.application_id: one.points for one in found} == wanted
    assert [one.points for one in found] == sorted(wanted.values(), reverse=True)
    assert len(captured) == 1
