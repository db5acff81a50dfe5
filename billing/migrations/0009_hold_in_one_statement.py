# SPDX-License-Identifier: Apache-2.0
"""A hold looks before it writes: a refusal needs no rollback, and a hold alone needs no transaction around it.

The lots' locks are then held for the server's own time only, not while a client's process waits for a processor.
"""

from importlib import import_module

from django.db import migrations

FORMER = import_module("billing.migrations.0007_reserve").PLACE

# hold is NULL where nothing was written: reserved then says what is available, and is NULL too where a budget speaks.
PLACE = """
CREATE OR REPLACE FUNCTION billing_place_hold(identity text, organisation bigint, project bigint, member bigint,
    wanted bigint, sku text, site text, programme text, level integer, reason text, at timestamptz, OUT hold bigint,
    OUT reserved bigint) LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM billing_budget WHERE organisation_id = organisation AND ended_at IS NULL) THEN
    RETURN;
  END IF;
  -- A lot that is held to the last credit is locked too: a release that is about to commit frees it.
  PERFORM 1 FROM billing_ledgeraccount
  WHERE organisation_id = organisation AND kind = 'lot' AND credits > debits ORDER BY id FOR NO KEY UPDATE;
  -- A statement of its own: its snapshot is taken after the locks are held.
  WITH plan AS MATERIALIZED (
    SELECT lot, place, amount FROM billing_spending_plan(organisation, wanted, sku, site, programme, level, at)
  ), total AS (
    SELECT coalesce(sum(amount), 0)::bigint AS amount FROM plan
  ), placed AS (
    INSERT INTO billing_hold (public_id, organisation_id, project_id, member_id, amount, state, reference, sku_code,
        site_code, programme_code, level, created_at)
    SELECT identity, organisation, project, member, wanted, 'open', reason, sku, site, programme, level, at
    FROM total WHERE total.amount >= wanted RETURNING id
  ), legs AS (
    INSERT INTO billing_holdleg (hold_id, lot_id, position, amount, captured, released)
    SELECT placed.id, plan.lot, plan.place, plan.amount, 0, 0 FROM placed CROSS JOIN plan RETURNING lot_id, amount
  ), moved AS (
    UPDATE billing_ledgeraccount a SET held = a.held + l.amount FROM legs l WHERE a.id = l.lot_id
  )
  SELECT placed.id, total.amount INTO hold, reserved FROM total LEFT JOIN placed ON true;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0008_credit_request_restrictions")]

    operations = [
        migrations.RunSQL(PLACE, FORMER.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")),
    ]
