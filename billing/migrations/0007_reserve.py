# SPDX-License-Identifier: Apache-2.0
"""Reserving credit is one call of the database: locks, look and legs without a client's time between them."""

from django.db import migrations

PLAN = """
CREATE FUNCTION billing_spending_plan(organisation bigint, wanted bigint, sku text, site text, programme text,
    level integer, at timestamptz) RETURNS TABLE (lot bigint, place bigint, amount bigint) LANGUAGE sql STABLE AS $$
  SELECT id, place, least(available, wanted - before)::bigint
  FROM (
    SELECT id, credits - debits - held AS available, row_number() OVER spending AS place,
           sum(credits - debits - held) OVER spending - (credits - debits - held) AS before
    FROM billing_ledgeraccount
    WHERE organisation_id = organisation AND kind = 'lot' AND credits > debits + held
      AND starts_at <= at AND (expires_at IS NULL OR expires_at > at)
      AND (cardinality(sku_codes) = 0 OR sku = ANY (sku_codes))
      AND (cardinality(site_codes) = 0 OR site = ANY (site_codes))
      AND (cardinality(programme_codes) = 0 OR programme = ANY (programme_codes))
      AND min_level <= level
    WINDOW spending AS (ORDER BY restricted DESC, expires_at ASC NULLS LAST, rank, id)
  ) lots WHERE before < wanted
$$
"""
RESERVE = """
CREATE FUNCTION billing_reserve(hold bigint, organisation bigint, wanted bigint, sku text, site text, programme text,
                                level integer, at timestamptz, after integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  reserved bigint;
BEGIN
  -- A lot that is held to the last credit is locked too: a release that is about to commit frees it.
  PERFORM 1 FROM billing_ledgeraccount
  WHERE organisation_id = organisation AND kind = 'lot' AND credits > debits ORDER BY id FOR NO KEY UPDATE;
  -- A statement of its own: its snapshot is taken after the locks are held.
  WITH legs AS (
    INSERT INTO billing_holdleg (hold_id, lot_id, position, amount, captured, released)
    SELECT hold, lot, after + place, amount, 0, 0
    FROM billing_spending_plan(organisation, wanted, sku, site, programme, level, at) RETURNING lot_id, amount
  ), moved AS (
    UPDATE billing_ledgeraccount a SET held = a.held + l.amount FROM legs l WHERE a.id = l.lot_id RETURNING l.amount
  )
  SELECT coalesce(sum(amount), 0) INTO reserved FROM moved;
  RETURN reserved;
END $$
"""

# Where no budget speaks, the hold's own row is written by the same call; a budget leaves it to the slower way (NULL).
PLACE = """
CREATE FUNCTION billing_place_hold(identity text, organisation bigint, project bigint, member bigint, wanted bigint,
    sku text, site text, programme text, level integer, reason text, at timestamptz, OUT hold bigint,
    OUT reserved bigint) LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM billing_budget WHERE organisation_id = organisation AND ended_at IS NULL) THEN
    RETURN;
  END IF;
  INSERT INTO billing_hold (public_id, organisation_id, project_id, member_id, amount, state, reference, sku_code,
      site_code, programme_code, level, created_at)
  VALUES (identity, organisation, project, member, wanted, 'open', reason, sku, site, programme, level, at)
  RETURNING id INTO hold;
  reserved := billing_reserve(hold, organisation, wanted, sku, site, programme, level, at, 0);
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0006_fewer_indexes")]

    operations = [
        migrations.RunSQL(
            PLAN,
            "DROP FUNCTION billing_spending_plan(bigint, bigint, text, text, text, integer, timestamptz)",
        ),
        migrations.RunSQL(
            RESERVE,
            "DROP FUNCTION billing_reserve(bigint, bigint, bigint, text, text, text, integer, timestamptz, integer)",
        ),
        migrations.RunSQL(
            PLACE,
            "DROP FUNCTION billing_place_hold(text, bigint, bigint, bigint, bigint, text, text, text, integer, text, "
            "timestamptz)",
        ),
    ]
