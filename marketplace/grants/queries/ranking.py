# SPDX-License-Identifier: Apache-2.0
"""The ranking of a programme's applications, in one statement."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

# A score counts as its share of the criterion's highest one; criteria count by weight; 10,000 points are full marks.
# Ties: the first criterion, then the earlier submission. What has no review that was handed in has no rank.
RANKING = """
WITH means AS (
  SELECT r.application_id, c.id AS criterion_id, c.position, c.weight,
         sum(s.value)::numeric / (count(*) * c.max_score) AS mean
  FROM grants_criterion c
  JOIN grants_score s ON s.criterion_id = c.id
  JOIN grants_reviewassignment r ON r.id = s.assignment_id AND r.state = 'submitted'
  WHERE c.programme_id = %(programme_id)s
  GROUP BY r.application_id, c.id, c.position, c.weight, c.max_score
), totals AS (
  SELECT application_id, round(sum(weight * mean) * 100)::integer AS points,
         (array_agg(mean ORDER BY position, criterion_id))[1] AS first
  FROM means GROUP BY application_id
), handed_in AS (
  SELECT r.application_id, count(*) FILTER (WHERE r.state = 'submitted')::integer AS reviews
  FROM grants_reviewassignment r JOIN grants_application a ON a.id = r.application_id
  WHERE a.programme_id = %(programme_id)s GROUP BY r.application_id
)
SELECT a.id, a.public_id, a.title, o.name, a.state, a.requested_amount, a.submitted_at, t.points,
       coalesce(h.reviews, 0),
       CASE WHEN t.points IS NOT NULL THEN
         row_number() OVER (ORDER BY t.points DESC NULLS LAST, t.first DESC NULLS LAST, a.submitted_at, a.id) END
FROM grants_application a
JOIN tenancy_organisation o ON o.id = a.organisation_id
LEFT JOIN totals t ON t.application_id = a.id
LEFT JOIN handed_in h ON h.application_id = a.id
WHERE a.programme_id = %(programme_id)s
  AND a.state IN ('eligible', 'in_review', 'ranked', 'awarded', 'refused')
ORDER BY t.points DESC NULLS LAST, t.first DESC NULLS LAST, a.submitted_at, a.id
"""


@dataclass(frozen=True, slots=True)
class Ranked:
    """One application with its place; ``points`` of 10,000 and ``rank`` are None without a review."""

    application_id: int
    public_id: str
    title: str
    organisation: str
    state: str
    requested_amount: int
    submitted_at: datetime
    points: int | None
    reviews: int
    rank: int | None


def ranking(programme_id: int) -> list[Ranked]:
    """Return the programme's eligible applications, the best first."""
    with connection.cursor() as cursor:
        cursor.execute(RANKING, {"programme_id": programme_id})
        return [Ranked(*row) for row in cursor.fetchall()]
