# SPDX-License-Identifier: Apache-2.0
"""grants.ranking: ranking the applications of a large call, each with three reviews that were handed in."""

from functools import partial
from typing import Any

from django.db import connection

from bench.measure import Series, note, say, timed

APPLICATIONS = 5_000
REVIEWERS = 3
REPEATS = 20
GOAL_MS = 500
# Written in three statements: 5,000 organisations, applications, and 15,000 reviews with 30,000 scores.
FILL = (
    """
    INSERT INTO tenancy_organisation (public_id, name, slug, kind, country_id, state, frozen_reason, milli_gpu_quota,
        created_at)
    SELECT 'org_rank' || n, 'Applicant ' || n, 'rank-' || n, 'startup', 'FR', 'active', '', 64000, now()
    FROM generate_series(1, %(applications)s) n
    """,
    """
    INSERT INTO grants_application (public_id, organisation_id, programme_id, state, revision, title, abstract,
        work_plan, data_class, openness, ethics, acknowledgement, attestations, team, partners, requested_amount,
        milli_gpu_hours, created_at, updated_at, submitted_at)
    SELECT 'app_rank' || o.id, o.id, %(programme)s, 'in_review', 1, 'Plan ' || o.id, '', '', '', '', '', true, '[]',
        '[]', '[]', 1000000000, 1000, now(), now(), now()
    FROM tenancy_organisation o WHERE o.slug LIKE 'rank-%%'
    """,
    """
    INSERT INTO grants_reviewassignment (public_id, organisation_id, application_id, reviewer_id, state, due_at,
        assigned_at, conflict_kind, conflict_text, overall_comment)
    SELECT 'rvw_' || a.id || '_' || u, %(organisation)s, a.id, u, 'accepted', now(), now(), '', '', ''
    FROM grants_application a CROSS JOIN unnest(%(reviewers)s) u WHERE a.programme_id = %(programme)s
    """,
    """
    INSERT INTO grants_score (assignment_id, organisation_id, criterion_id, value, comment)
    SELECT r.id, r.organisation_id, c.id, (r.id * 7 + c.id * 3) %% 6, 'x'
    FROM grants_reviewassignment r CROSS JOIN grants_criterion c WHERE c.programme_id = %(programme)s
    """,
    "UPDATE grants_reviewassignment SET state = 'submitted', submitted_at = now()",
    "ANALYZE",
)


def ranked(sizes: list[int]) -> None:
    """Say the p95 of ranking 5,000 applications with three reviews each, and in how many queries."""
    from marketplace.grants.queries.ranking import ranking
    from tests.grants.award_scenes import make_programme, make_reviewer
    from tests.worlds import make_tenant

    assert sizes is not None
    tenant = make_tenant("bench-ranking", credit=0)
    programme = make_programme(tenant, state="review")
    given: dict[str, Any] = {
        "applications": APPLICATIONS,
        "programme": programme.pk,
        "organisation": tenant.organisation.pk,
        "reviewers": [make_reviewer(tenant)[0].pk for _ in range(REVIEWERS)],
    }
    note(f"{APPLICATIONS:,} applications with {REVIEWERS} reviews each")
    with connection.cursor() as cursor:
        for statement in FILL:
            cursor.execute(statement, given)
    found = ranking(programme.pk)
    assert len(found) == APPLICATIONS, len(found)
    assert [one.rank for one in found] == list(range(1, APPLICATIONS + 1))
    series = Series([timed(partial(ranking, programme.pk)) for _ in range(REPEATS)])
    say("grants.ranking", 1000 * series.percentile(0.95), "ms at p95", clock="wall", size=APPLICATIONS, workers=1,
        median_of=REPEATS, goal=GOAL_MS, baseline=f"median {1000 * series.median('wall'):.1f} ms, 1 query")  # fmt: skip
