# SPDX-License-Identifier: Apache-2.0
"""The one statement of the usage export: one snapshot, so that its parts add up to each other.

Which lot paid is booked by SKU and day, not by run. Within a SKU and day the runs lie on one axis in the order of
their ids, credit that was bought pays first, what nothing paid comes last; a run's BilledCost is its share of the end.
"""

# A column that no part of a UNION sets is NULL of its type there.
FIELDS: dict[str, str] = {
    "x_RowKind": "text",
    "BilledCost": "numeric",
    "BillingPeriodStart": "timestamptz",
    "ChargeClass": "text",
    "ChargeDescription": "text",
    "ChargePeriodStart": "timestamptz",
    "ChargePeriodEnd": "timestamptz",
    "ConsumedQuantity": "numeric",
    "ContractedCost": "numeric",
    "ContractedUnitPrice": "numeric",
    "EffectiveCost": "numeric",
    "ListCost": "numeric",
    "ListUnitPrice": "numeric",
    "PricingQuantity": "numeric",
    "RegionId": "text",
    "ResourceId": "text",
    "ResourceName": "text",
    "SkuId": "text",
    "SkuPriceId": "text",
    "SubAccountId": "text",
    "SubAccountName": "text",
    "x_CreditAmount": "numeric",
    "x_CreditLotId": "text",
    "x_ExactCharge": "numeric",
    "x_MilliGpuSeconds": "bigint",
    "x_PodCount": "bigint",
    "x_ResidencyPolicy": "text",
    "x_StatementId": "text",
    "x_TransferId": "text",
}
MICRO = "0.000001"  # multiplied, never divided: exact at any size
COMMON = """
WITH days AS MATERIALIZED (
  SELECT d.day, d.run_id, d.milli_gpu_seconds AS seconds, d.exact, r.sku_id,
         div(sum(d.exact) OVER w, 3600000) AS upto, div(sum(d.exact) OVER w - d.exact, 3600000) AS before
  FROM billing_usageday d JOIN billing_run r ON r.id = d.run_id
  WHERE d.organisation_id = %(organisation_id)s AND d.day >= %(start)s AND d.day < %(end)s
  WINDOW w AS (PARTITION BY d.day, r.sku_id ORDER BY d.run_id)
), paid AS MATERIALIZED (
  SELECT t.usage_day AS day, t.sku_id,
         CASE WHEN t.kind = 'usage' THEN t.debit_account_id ELSE t.credit_account_id END AS account_id,
         sum(CASE WHEN t.kind = 'usage' THEN t.amount ELSE -t.amount END) AS amount
  FROM billing_transfer t
  WHERE t.organisation_id = %(organisation_id)s AND t.kind IN ('usage', 'correction')
    AND t.usage_day >= %(start)s AND t.usage_day < %(end)s
  GROUP BY 1, 2, 3
), payers AS MATERIALIZED (
  SELECT p.day, p.sku_id, sum(p.amount) AS posted,
         coalesce(sum(p.amount) FILTER (WHERE a.kind = 'receivable' OR a.origin NOT IN ('', 'purchase')), 0) AS unpaid
  FROM paid p JOIN billing_ledgeraccount a ON a.id = p.account_id GROUP BY 1, 2
), costs AS MATERIALIZED (
  SELECT d.*, d.upto - d.before AS cost,
         CASE WHEN coalesce(p.unpaid, 0) <= 0 THEN 0
              ELSE greatest(0, d.upto - greatest(d.before, p.posted - p.unpaid)) END AS billed
  FROM days d LEFT JOIN payers p USING (day, sku_id)
), late AS MATERIALIZED (
  SELECT l.usage_month, s.month, l.project_id, l.sku_id, l.micro_per_gpu_hour, l.milli_gpu_seconds AS seconds,
         l.exact, s.public_id
  FROM billing_statementline l JOIN billing_monthstatement s ON s.id = l.statement_id
  WHERE l.organisation_id = %(organisation_id)s AND l.kind = 'correction'
  UNION ALL
  SELECT u.usage_month, (u.last + interval '1 month')::date, u.project_id, u.sku_id, u.micro_per_gpu_hour,
         u.seconds - coalesce(s.seconds, 0), u.exact - coalesce(s.exact, 0), NULL
  FROM (
    SELECT date_trunc('month', d.day, 'UTC')::date AS usage_month, c.last, r.project_id, r.sku_id, r.micro_per_gpu_hour,
           sum(d.milli_gpu_seconds)::bigint AS seconds, sum(d.exact) AS exact
    FROM (SELECT max(month) AS last FROM billing_monthstatement WHERE organisation_id = %(organisation_id)s) c
    JOIN billing_usageday d ON d.day < (c.last + interval '1 month') AT TIME ZONE 'UTC'
    JOIN billing_run r ON r.id = d.run_id
    WHERE d.organisation_id = %(organisation_id)s GROUP BY 1, 2, 3, 4, 5
  ) u
  LEFT JOIN (
    SELECT usage_month, project_id, sku_id, micro_per_gpu_hour, sum(milli_gpu_seconds)::bigint AS seconds,
           sum(exact) AS exact
    FROM billing_statementline WHERE organisation_id = %(organisation_id)s GROUP BY 1, 2, 3, 4
  ) s USING (usage_month, project_id, sku_id, micro_per_gpu_hour)
  WHERE u.exact <> coalesce(s.exact, 0)
), moves AS MATERIALIZED (
  SELECT t.*, coalesce(o.kind, t.kind) AS base, CASE WHEN o.id IS NULL THEN 1 ELSE -1 END AS sign,
         d.organisation_id IS NULL OR c.organisation_id IS NULL AS crosses
  FROM billing_transfer t
  JOIN billing_ledgeraccount d ON d.id = t.debit_account_id
  JOIN billing_ledgeraccount c ON c.id = t.credit_account_id
  LEFT JOIN billing_transfer o ON o.id = t.reverses_id
  WHERE %(money)s AND t.organisation_id = %(organisation_id)s AND t.effective_at >= %(start)s
    AND t.effective_at < %(end)s AND t.kind IN ('purchase', 'grant', 'expiry', 'refund', 'reversal', 'reclaim')
)
"""


def _part(source: str, fields: dict[str, str]) -> str:
    chosen = [f'({fields.get(name, "NULL")})::{kind} AS "{name}"' for name, kind in FIELDS.items()]
    return f"SELECT {', '.join(chosen)}\n{source}"


def _of_time(seconds: str, micro: str) -> str:
    """Return credits for ``seconds`` milli-GPU-seconds at ``micro`` an hour, to 12 decimals."""
    return f"round(({seconds})::numeric(38, 24) * ({micro}) / 3600000000000, 12)"


def _quantities(seconds: str) -> dict[str, str]:
    return {
        "ConsumedQuantity": f"{seconds} * 0.001",
        "PricingQuantity": f"round(({seconds})::numeric(38, 18) / 3600000, 12)",
        "x_MilliGpuSeconds": seconds,
    }


_DAY = {
    "BillingPeriodStart": "date_trunc('month', c.day, 'UTC')",
    "ChargePeriodStart": "c.day",
    "ChargePeriodEnd": "c.day + interval '1 day'",
    "SkuId": "k.code",
    "x_StatementId": "s.public_id",
}
_STATEMENT_OF_DAY = """
LEFT JOIN billing_monthstatement s ON s.organisation_id = %(organisation_id)s
 AND s.month = date_trunc('month', c.day, 'UTC')::date
"""
USAGE = _part(
    f"""
FROM costs c JOIN billing_run r ON r.id = c.run_id
JOIN billing_sku k ON k.id = r.sku_id
JOIN tenancy_project j ON j.id = r.project_id
LEFT JOIN (SELECT run_id, count(*) AS pods FROM billing_meter
           WHERE organisation_id = %(organisation_id)s GROUP BY 1) m ON m.run_id = r.id
LEFT JOIN residency_residencydecision d ON d.id = r.decision_id
LEFT JOIN billing_price p ON p.book_id = %(list_book)s AND p.sku_id = r.sku_id AND p.valid @> r.opened_at
{_STATEMENT_OF_DAY}
""",
    {
        **_DAY,
        "x_RowKind": "'usage'",
        "BilledCost": f"c.billed * {MICRO}",
        "EffectiveCost": f"c.cost * {MICRO}",
        "ChargeDescription": "r.name || ': ' || k.name",
        "ContractedCost": _of_time("c.seconds", "r.micro_per_gpu_hour"),
        "ContractedUnitPrice": f"r.micro_per_gpu_hour * {MICRO}",
        "ListCost": _of_time("c.seconds", "coalesce(p.micro_per_gpu_hour, r.micro_per_gpu_hour)"),
        "ListUnitPrice": f"coalesce(p.micro_per_gpu_hour, r.micro_per_gpu_hour) * {MICRO}",
        "RegionId": "r.site_code",
        "ResourceId": "r.workload_ref",
        "ResourceName": "r.name",
        "SkuPriceId": "'price-' || r.price_id",
        "SubAccountId": "j.public_id",
        "SubAccountName": "j.name",
        "x_ExactCharge": "c.exact",
        **_quantities("c.seconds"),
        "x_PodCount": "coalesce(m.pods, 0)",
        "x_ResidencyPolicy": "d.policy",
    },
)
# The ledger rounds a batch, the export a day: what they differ by, so that a day's rows sum to the ledger's day.
ROUNDING = _part(
    f"""
FROM (
  SELECT day, sku_id, coalesce(p.posted, 0) - coalesce(u.cost, 0) AS cost,
         greatest(coalesce(p.unpaid, 0), 0) - coalesce(u.billed, 0) AS billed
  FROM (SELECT day, sku_id, sum(cost) AS cost, sum(billed) AS billed FROM costs GROUP BY 1, 2) u
  FULL JOIN payers p USING (day, sku_id)
) c
JOIN billing_sku k ON k.id = c.sku_id
{_STATEMENT_OF_DAY}
WHERE c.cost <> 0 OR c.billed <> 0
""",
    {
        **_DAY,
        "x_RowKind": "'rounding'",
        "BilledCost": f"c.billed * {MICRO}",
        "EffectiveCost": f"c.cost * {MICRO}",
        "ChargeDescription": "'Rounding: remainder carried between batches and days, ' || k.name",
    },
)
CREDIT = _part(
    f"""
FROM paid c JOIN billing_ledgeraccount a ON a.id = c.account_id AND a.origin NOT IN ('', 'purchase')
JOIN billing_sku k ON k.id = c.sku_id
{_STATEMENT_OF_DAY}
WHERE c.amount <> 0
""",
    {
        **_DAY,
        "x_RowKind": "'credit'",
        "BilledCost": f"-c.amount * {MICRO}",
        "EffectiveCost": f"-c.amount * {MICRO}",
        "ChargeDescription": "'Paid by ' || a.label",
        "ResourceId": "a.public_id",
        "ResourceName": "a.label",
        "x_CreditAmount": f"c.amount * {MICRO}",
        "x_CreditLotId": "a.public_id",
    },
)
_LATE = {
    "ChargePeriodStart": "c.usage_month::timestamp AT TIME ZONE 'UTC'",
    "ChargePeriodEnd": "(c.usage_month + interval '1 month') AT TIME ZONE 'UTC'",
    "BilledCost": "0",
    "ContractedUnitPrice": f"c.micro_per_gpu_hour * {MICRO}",
    "ListUnitPrice": f"c.micro_per_gpu_hour * {MICRO}",
    "SkuId": "k.code",
    "SubAccountId": "j.public_id",
    "SubAccountName": "j.name",
}
_LATE_NAMES = "FROM late c JOIN billing_sku k ON k.id = c.sku_id JOIN tenancy_project j ON j.id = c.project_id"
_IN_PERIOD = "{0}::timestamp AT TIME ZONE 'UTC' >= %(start)s AND {0}::timestamp AT TIME ZONE 'UTC' < %(end)s"
CORRECTION = _part(
    f"{_LATE_NAMES} WHERE {_IN_PERIOD.format('c.month')}",
    {
        **_LATE,
        "x_RowKind": "'correction'",
        "BillingPeriodStart": "c.month::timestamp AT TIME ZONE 'UTC'",
        "ChargeClass": "'Correction'",
        "ChargeDescription": "'Late change of ' || to_char(c.usage_month, 'YYYY-MM') || ', ' || k.name",
        "EffectiveCost": f"div(c.exact, 3600000) * {MICRO}",
        "ContractedCost": _of_time("c.seconds", "c.micro_per_gpu_hour"),
        "ListCost": _of_time("c.seconds", "c.micro_per_gpu_hour"),
        "x_ExactCharge": "c.exact",
        **_quantities("c.seconds"),
        "x_StatementId": "c.public_id",
    },
)
# The usage rows of a closed month are as known today; this takes off what a later month bears.
RESTATEMENT = _part(
    f"""{_LATE_NAMES}
LEFT JOIN billing_monthstatement s ON s.organisation_id = %(organisation_id)s AND s.month = c.usage_month
WHERE {_IN_PERIOD.format("c.usage_month")}""",
    {
        **_LATE,
        "x_RowKind": "'restatement'",
        "BillingPeriodStart": "c.usage_month::timestamp AT TIME ZONE 'UTC'",
        "ChargeClass": "'Correction'",
        "ChargeDescription": "'Late change, billed in ' || to_char(c.month, 'YYYY-MM') || ', ' || k.name",
        "EffectiveCost": f"-div(c.exact, 3600000) * {MICRO}",
        "ContractedCost": _of_time("-c.seconds", "c.micro_per_gpu_hour"),
        "ListCost": _of_time("-c.seconds", "c.micro_per_gpu_hour"),
        "x_ExactCharge": "-c.exact",
        **_quantities("-c.seconds"),
        "x_StatementId": "s.public_id",
    },
)
# A grant costs nothing. Bought credit that expires is cost without usage; granted credit that expires is none.
# What moves from lot to lot never left: it bills nothing and is a row of each lot.
MONEY = _part(
    """
FROM (
  SELECT m.*, m.sign * CASE WHEN NOT m.crosses THEN 0 WHEN m.base = 'purchase' THEN m.amount
                            WHEN m.base = 'refund' THEN -m.amount ELSE 0 END AS billed,
         CASE WHEN a.origin <> 'purchase' THEN 0 WHEN m.base IN ('expiry', 'usage') THEN m.sign * m.amount
              WHEN m.base = 'correction' THEN -m.sign * m.amount ELSE 0 END AS cost,
         CASE WHEN m.credit_account_id = a.id THEN m.amount ELSE -m.amount END AS credited,
         a.public_id AS lot_public_id, a.label
  FROM moves m JOIN billing_ledgeraccount a ON a.id IN (m.debit_account_id, m.credit_account_id)
    AND a.organisation_id IS NOT NULL
) c
LEFT JOIN billing_monthstatement s ON s.organisation_id = %(organisation_id)s
 AND s.month = date_trunc('month', c.effective_at, 'UTC')::date
""",
    {
        "x_RowKind": "c.kind",
        "BillingPeriodStart": "date_trunc('month', c.effective_at, 'UTC')",
        "ChargePeriodStart": "date_trunc('day', c.effective_at, 'UTC')",
        "ChargePeriodEnd": "date_trunc('day', c.effective_at, 'UTC') + interval '1 day'",
        "BilledCost": f"c.billed * {MICRO}",
        "EffectiveCost": f"c.cost * {MICRO}",
        "ContractedCost": f"c.billed * {MICRO}",
        "ListCost": f"c.billed * {MICRO}",
        "PricingQuantity": f"CASE WHEN c.kind IN ('purchase', 'refund') THEN c.billed * {MICRO} END",
        "ChargeClass": "CASE WHEN c.kind = 'reversal' THEN 'Correction' END",
        "ChargeDescription": "coalesce(nullif(c.description, ''), initcap(c.kind))",
        "ResourceId": "c.lot_public_id",
        "ResourceName": "c.label",
        "x_CreditAmount": f"c.credited * {MICRO}",
        "x_CreditLotId": "c.lot_public_id",
        "x_StatementId": "s.public_id",
        "x_TransferId": "c.public_id",
    },
)
ORDER = 'ORDER BY "ChargePeriodStart", "SkuId", "x_RowKind", "ResourceId", "SubAccountId", "x_TransferId"'
PARTS = (USAGE, ROUNDING, CREDIT, CORRECTION, RESTATEMENT, MONEY)
FOCUS = f"{COMMON}\n" + "\nUNION ALL\n".join(PARTS) + f"\n{ORDER}"
