# SPDX-License-Identifier: Apache-2.0
"""What the database itself refuses or keeps: facts stay, balances follow transfers, used prices never change."""

from django.db import migrations

from aion.audit.append_only import protect

# One statement an insert, whatever its size; accounts are locked in id order, like everywhere else.
BALANCES = """
CREATE FUNCTION billing_move_balances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM billing_ledgeraccount
  WHERE organisation_id IS NOT NULL
    AND id IN (SELECT debit_account_id FROM posted UNION SELECT credit_account_id FROM posted)
  ORDER BY id FOR NO KEY UPDATE;
  UPDATE billing_ledgeraccount a SET debits = a.debits + s.debit, credits = a.credits + s.credit
  FROM (
    SELECT account, sum(debit) AS debit, sum(credit) AS credit FROM (
      SELECT debit_account_id AS account, amount AS debit, 0::bigint AS credit FROM posted
      UNION ALL SELECT credit_account_id, 0, amount FROM posted) sides
    GROUP BY account) s
  WHERE a.id = s.account AND a.organisation_id IS NOT NULL;
  RETURN NULL;
END $$;
CREATE TRIGGER billing_transfer_balances AFTER INSERT ON billing_transfer
REFERENCING NEW TABLE AS posted FOR EACH STATEMENT EXECUTE FUNCTION billing_move_balances();
"""
NO_BALANCES = """
DROP TRIGGER billing_transfer_balances ON billing_transfer; DROP FUNCTION billing_move_balances();
"""
# A balance moves only through a transfer: a bare UPDATE of debits or credits is refused.
ONLY_BY_TRANSFER = """
CREATE FUNCTION billing_refuse_bare_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF pg_trigger_depth() < 2 THEN
    RAISE EXCEPTION 'a balance moves only through a transfer' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER billing_ledgeraccount_balance BEFORE UPDATE OF debits, credits ON billing_ledgeraccount
FOR EACH ROW WHEN (OLD.debits <> NEW.debits OR OLD.credits <> NEW.credits)
EXECUTE FUNCTION billing_refuse_bare_balance();
CREATE FUNCTION billing_refuse_funded_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.debits <> 0 OR NEW.credits <> 0 OR NEW.held <> 0 THEN
    RAISE EXCEPTION 'an account starts empty' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER billing_ledgeraccount_starts_empty BEFORE INSERT ON billing_ledgeraccount
FOR EACH ROW EXECUTE FUNCTION billing_refuse_funded_account();
"""
NOT_ONLY_BY_TRANSFER = """
DROP TRIGGER billing_ledgeraccount_balance ON billing_ledgeraccount; DROP FUNCTION billing_refuse_bare_balance();
DROP TRIGGER billing_ledgeraccount_starts_empty ON billing_ledgeraccount; DROP FUNCTION billing_refuse_funded_account();
"""
# An open price may end once; nothing else of a price ever changes.
PRICES = """
CREATE FUNCTION billing_price_may_only_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT (upper_inf(OLD.valid) AND lower(OLD.valid) = lower(NEW.valid)) THEN
    RAISE EXCEPTION 'a price never changes; an open one may end once' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER billing_price_end BEFORE UPDATE OF valid ON billing_price
FOR EACH ROW EXECUTE FUNCTION billing_price_may_only_end();
"""
NO_PRICES = "DROP TRIGGER billing_price_end ON billing_price; DROP FUNCTION billing_price_may_only_end();"


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial"), ("audit", "0002_append_only")]
    operations = [
        protect("billing_transfer"),
        protect("billing_usagerecord"),
        protect("billing_quarantinedusage"),
        protect("billing_meter"),
        protect("billing_price", frozen=["book_id", "sku_id", "micro_per_gpu_hour"]),
        protect("billing_ledgeraccount", frozen=["kind", "organisation_id"]),
        protect("billing_hold", frozen=["organisation_id", "project_id", "amount", "reference"]),
        protect("billing_holdleg", frozen=["hold_id", "lot_id", "amount"]),
        migrations.RunSQL(BALANCES, NO_BALANCES),
        migrations.RunSQL(ONLY_BY_TRANSFER, NOT_ONLY_BY_TRANSFER),
        migrations.RunSQL(PRICES, NO_PRICES),
    ]
