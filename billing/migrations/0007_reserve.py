# SPDX-License-Identifier: Apache-2.0
"""Reserving credit is one call of the database: locks, look and legs without a client's time between them."""

from django.db import migrations

RESERVE = """
CREATE FUNCTION billing_reserve(hold bigint, organisation bigint, wanted bigint, sku text, site text, programme text,
                                level integer, at timestamptz, after integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  reserved bigint;
BEGIN
  PERFORM 1 FROM billing_ledgeraccount
  WHERE organisation_id = organisation AND kind = 'lot' AND credits > debits + held ORDER BY id FOR NO KEY UPDATE;
  -- A statement of its own: its snapshot is taken after the locks are held.
  WITH lots AS (
    SELECT id, credits - debits - held AS available,
           row_number() OVER spending AS place,
           sum(credits - debits - held) OVER spending - (credits - debits - held) AS before
    FROM billing_ledgeraccount
    WHERE organisation_id = organisation AND kind = 'lot' AND credits > debits + held
      AND starts_at <= at AND (expires_at IS NULL OR expires_at > at)
      AND (cardinality(sku_codes) = 0 OR sku = ANY (sku_codes))
      AND (cardinality(site_codes) = 0 OR site = ANY (site_codes))
      AND (cardinality(programme_codes) = 0 OR programme = ANY (programme_codes))
      AND min_level <= level
    WINDOW spending AS (ORDER BY restricted DESC, expires_at ASC NULLS LAST, rank, id)
  ), taken AS (
    SELECT id, place, least(available, wanted - before)::bigint AS amount FROM lots WHERE before < wanted
  ), legs AS (
    INSERT INTO billing_holdleg (hold_id, lot_id, position, amount, captured, released)
    SELECT hold, id, after + place, amount, 0, 0 FROM taken RETURNING lot_id, amount
  ), moved AS (
    UPDATE billing_ledgeraccount a SET held = a.held + l.amount FROM legs l WHERE a.id = l.lot_id RETURNING l.amount
  )
  SELECT coalesce(sum(amount), 0) INTO reserved FROM moved;
  RETURN reserved;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0006_fewer_indexes")]

    operations = [
        migrations.RunSQL(
            RESERVE,
            "DROP FUNCTION billing_reserve(bigint, bigint, bigint, text, text, text, integer, timestamptz, integer)",
        )
    ]
