# SPDX-License-Identifier: Apache-2.0
"""SQL of both sides of a settlement: what counts, what is settled and what was used, by month of usage and site."""

LIVE = "(SELECT * FROM settlement_settlementstatement WHERE state <> 'rejected')"
SETTLED = f"""
  (SELECT l.usage_month, l.site_code, sum(l.exact) AS exact, max(s.prepared_at) AS known
   FROM settlement_settlementline l JOIN {LIVE} s ON s.id = l.statement_id GROUP BY 1, 2)"""
USED = """
  (SELECT date_trunc('month', hour, 'UTC')::date AS usage_month, site_code, sum(exact) AS exact
   FROM billing_usagehour GROUP BY 1, 2)"""
