# SPDX-License-Identifier: Apache-2.0
"""A hold that one lot covers locks that lot last; a hold without a transaction around it is one call (ADR 12).

Sixteen clients on two processors: who has the lock often has no processor, and all others wait for it.
"""

from importlib import import_module

from django.db import migrations

early = import_module("billing.migrations.0014_locks_that_do_not_wait_for_the_disk").early
FORMER = early(import_module("billing.migrations.0009_hold_in_one_statement").PLACE)
DECLARED = "LANGUAGE plpgsql AS $$\nBEGIN\n"
LOCKED = "  PERFORM set_config('synchronous_commit', 'off', true);\n"
# The plan is made without a lock, so the lot may have less by now: then nothing of this is written, and the locks
# come first as for a hold over several lots. What makes a lot eligible never changes; what it has is looked at again.
ONE_LOT = """
  SELECT max(p.lot) INTO only_lot FROM billing_spending_plan(organisation, wanted, sku, site, programme, level, at) p
  HAVING count(*) = 1 AND sum(p.amount) = wanted;
  IF only_lot IS NOT NULL THEN
    BEGIN
      INSERT INTO billing_hold (public_id, organisation_id, project_id, member_id, amount, state, reference, sku_code,
          site_code, programme_code, level, created_at)
      VALUES (identity, organisation, project, member, wanted, 'open', reason, sku, site, programme, level, at)
      RETURNING id INTO hold;
      INSERT INTO billing_holdleg (hold_id, lot_id, position, amount, captured, released)
      VALUES (hold, only_lot, 1, wanted, 0, 0);
      UPDATE billing_ledgeraccount SET held = held + wanted WHERE id = only_lot AND credits - debits - held >= wanted;
      IF FOUND THEN
        reserved := wanted;
        RETURN;
      END IF;
      RAISE SQLSTATE 'AI001';
    EXCEPTION WHEN SQLSTATE 'AI001' THEN
      hold := NULL;
    END;
  END IF;
"""
assert FORMER.count(DECLARED) == FORMER.count(LOCKED) == 1
PLACE = FORMER.replace(DECLARED, "LANGUAGE plpgsql AS $$\nDECLARE\n  only_lot bigint;\nBEGIN\n").replace(
    LOCKED, LOCKED + ONE_LOT.lstrip("\n")
)

# The locks go at its COMMIT; what it returns comes after the next one, which waits for the disk (aion/durability.py).
ALONE = """
CREATE PROCEDURE billing_place_hold_alone(identity text, organisation bigint, project bigint, member bigint,
    wanted bigint, sku text, site text, programme text, level integer, reason text, at timestamptz, INOUT hold bigint,
    INOUT reserved bigint) LANGUAGE plpgsql AS $$
BEGIN
  SELECT p.hold, p.reserved INTO hold, reserved FROM billing_place_hold(
    identity, organisation, project, member, wanted, sku, site, programme, level, reason, at) p;
  IF hold IS NOT NULL THEN
    COMMIT;
    PERFORM pg_logical_emit_message(true, 'aion', '');
  END IF;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0014_locks_that_do_not_wait_for_the_disk")]

    operations = [
        migrations.RunSQL(PLACE, FORMER),
        migrations.RunSQL(ALONE, "DROP PROCEDURE billing_place_hold_alone"),
    ]
