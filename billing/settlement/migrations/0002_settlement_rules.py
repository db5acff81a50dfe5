# SPDX-License-Identifier: Apache-2.0
"""What the database itself refuses: whole months, shares that change, settlements that move back."""

from django.db import migrations

from aion.audit.append_only import protect

WHOLE_MONTHS = """
ALTER TABLE settlement_shareagreement ADD CONSTRAINT share_of_whole_months
CHECK (extract(day FROM lower(valid)) = 1 AND (upper(valid) IS NULL OR extract(day FROM upper(valid)) = 1));
ALTER TABLE settlement_settlementstatement ADD CONSTRAINT settlement_of_a_whole_month
CHECK (extract(day FROM month) = 1);
ALTER TABLE settlement_settlementline ADD CONSTRAINT settlement_line_of_a_whole_month
CHECK (extract(day FROM usage_month) = 1);
"""
NO_WHOLE_MONTHS = """
ALTER TABLE settlement_shareagreement DROP CONSTRAINT share_of_whole_months;
ALTER TABLE settlement_settlementstatement DROP CONSTRAINT settlement_of_a_whole_month;
ALTER TABLE settlement_settlementline DROP CONSTRAINT settlement_line_of_a_whole_month;
"""
# An open agreement may end once; what was decided stays decided.
AGREEMENTS = """
CREATE FUNCTION settlement_share_never_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state <> 'pending' AND NOT (
    to_jsonb(OLD) - 'valid' = to_jsonb(NEW) - 'valid' AND OLD.state = 'approved'
    AND upper_inf(OLD.valid) AND lower(OLD.valid) = lower(NEW.valid))
  THEN
    RAISE EXCEPTION 'an agreed share never changes; an open one may end once'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF OLD.state = 'pending' AND OLD.valid <> NEW.valid THEN
    RAISE EXCEPTION 'what was proposed never changes' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER settlement_shareagreement_kept BEFORE UPDATE ON settlement_shareagreement
FOR EACH ROW EXECUTE FUNCTION settlement_share_never_changes();
"""
NO_AGREEMENTS = """
DROP TRIGGER settlement_shareagreement_kept ON settlement_shareagreement;
DROP FUNCTION settlement_share_never_changes();
"""
# A settlement only ever goes on: what two people approved is owed, and then only a payout is added to it.
STATEMENTS = """
CREATE FUNCTION settlement_only_goes_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state IN ('paid', 'rejected') OR (OLD.state = 'approved' AND NOT (
      NEW.state IN ('approved', 'paid')
      AND to_jsonb(OLD) - 'state' - 'payout_id' = to_jsonb(NEW) - 'state' - 'payout_id'))
  THEN
    RAISE EXCEPTION 'a settlement that was decided never changes' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF (OLD.state, NEW.state) IN (('draft', 'approved'), ('draft', 'paid'), ('checked', 'paid'), ('checked', 'draft'))
  THEN
    RAISE EXCEPTION 'a settlement is approved by two people' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER settlement_settlementstatement_kept BEFORE UPDATE ON settlement_settlementstatement
FOR EACH ROW EXECUTE FUNCTION settlement_only_goes_on();
"""
NO_STATEMENTS = """
DROP TRIGGER settlement_settlementstatement_kept ON settlement_settlementstatement;
DROP FUNCTION settlement_only_goes_on();
"""
FIGURES = ["public_id", "organisation_id", "month", "revision", "milli_gpu_seconds", "exact", "share_exact", "charged",
           "share", "commission", "prepared_at", "prepared_by"]  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("settlement", "0001_initial"), ("audit", "0002_append_only")]
    operations = [
        migrations.RunSQL(WHOLE_MONTHS, NO_WHOLE_MONTHS),
        protect(
            "settlement_shareagreement",
            frozen=["public_id", "organisation_id", "share_basis_points", "reason", "requested_by_id", "requested_at"],
        ),
        protect("settlement_settlementstatement", frozen=FIGURES),
        protect("settlement_settlementline"),
        protect(
            "settlement_payout",
            frozen=["public_id", "organisation_id", "amount", "bank_reference", "requested_by_id", "requested_at"],
        ),
        protect("settlement_gaugealert", frozen=["threshold_id", "year", "percent", "volume", "outstanding"]),
        migrations.RunSQL(AGREEMENTS, NO_AGREEMENTS),
        migrations.RunSQL(STATEMENTS, NO_STATEMENTS),
    ]
