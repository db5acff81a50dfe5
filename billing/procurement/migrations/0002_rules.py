# SPDX-License-Identifier: Apache-2.0
"""Maxima, caps and last days hold whoever writes; counters move only with the rows that they count; the law is dated."""

from datetime import date
from typing import Any

from django.db import migrations

from aion.audit.append_only import protect

# An order is checked against its agreement under the agreement's lock, so that none of fifty at once sees old figures.
FITS = """
CREATE FUNCTION procurement_order_fits() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE agreed procurement_frameworkagreement;
BEGIN
  IF NEW.attested_cents <> 0 THEN
    RAISE EXCEPTION 'an order starts unattested' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF NEW.agreement_id IS NOT NULL THEN
    SELECT * INTO agreed FROM procurement_frameworkagreement WHERE id = NEW.agreement_id FOR NO KEY UPDATE;
    IF agreed.organisation_id <> NEW.organisation_id OR agreed.state <> 'active'
       OR NEW.placed_on NOT BETWEEN agreed.starts_on AND agreed.ends_on THEN
      RAISE EXCEPTION 'the agreement is not in force for this order' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.expires_on IS NULL OR NEW.expires_on > agreed.ends_on THEN
      RAISE EXCEPTION 'an order ends with its agreement' USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.agreement_lot_id IS NULL) = EXISTS (
         SELECT 1 FROM procurement_agreementlot WHERE agreement_id = NEW.agreement_id) THEN
      RAISE EXCEPTION 'an order names a lot where the agreement has lots' USING ERRCODE = 'check_violation';
    END IF;
  END IF;
  IF NEW.agreement_lot_id IS NOT NULL AND NOT EXISTS (
       SELECT 1 FROM procurement_agreementlot WHERE id = NEW.agreement_lot_id AND agreement_id = NEW.agreement_id) THEN
    RAISE EXCEPTION 'the lot is of another agreement' USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.cost_centre_id IS NOT NULL AND NOT EXISTS (
       SELECT 1 FROM procurement_costcentre
       WHERE id = NEW.cost_centre_id AND organisation_id = NEW.organisation_id AND closed_at IS NULL) THEN
    RAISE EXCEPTION 'the cost centre is closed or of another organisation' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER procurement_order_fits BEFORE INSERT ON procurement_purchaseorder
FOR EACH ROW EXECUTE FUNCTION procurement_order_fits();
"""
NO_FITS = """
DROP TRIGGER procurement_order_fits ON procurement_purchaseorder; DROP FUNCTION procurement_order_fits();
"""
# Agreement, lot, then cost centres from the root down: the order in which the services lock them too.
COMMITS = """
CREATE FUNCTION procurement_commit_order() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE delta bigint; freed constant text[] := ARRAY['refused', 'cancelled'];
BEGIN
  IF TG_OP = 'INSERT' THEN
    delta := CASE WHEN NEW.state = ANY(freed) THEN 0 ELSE NEW.amount_cents END;
  ELSE
    delta := CASE WHEN NEW.state = ANY(freed) THEN 0 ELSE NEW.amount_cents END
           - CASE WHEN OLD.state = ANY(freed) THEN 0 ELSE OLD.amount_cents END;
  END IF;
  IF delta = 0 THEN RETURN NULL; END IF;
  UPDATE procurement_frameworkagreement SET ordered_cents = ordered_cents + delta WHERE id = NEW.agreement_id;
  UPDATE procurement_agreementlot SET ordered_cents = ordered_cents + delta WHERE id = NEW.agreement_lot_id;
  IF NEW.cost_centre_id IS NOT NULL THEN
    PERFORM 1 FROM procurement_costcentre WHERE id IN (
      WITH RECURSIVE up AS (
        SELECT id, parent_id FROM procurement_costcentre WHERE id = NEW.cost_centre_id
        UNION ALL SELECT c.id, c.parent_id FROM procurement_costcentre c JOIN up ON c.id = up.parent_id)
      SELECT id FROM up) ORDER BY depth FOR NO KEY UPDATE;
    WITH RECURSIVE up AS (
      SELECT id, parent_id FROM procurement_costcentre WHERE id = NEW.cost_centre_id
      UNION ALL SELECT c.id, c.parent_id FROM procurement_costcentre c JOIN up ON c.id = up.parent_id)
    UPDATE procurement_costcentre c SET committed_cents = c.committed_cents + delta FROM up WHERE c.id = up.id;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER procurement_order_commits AFTER INSERT OR UPDATE OF state ON procurement_purchaseorder
FOR EACH ROW EXECUTE FUNCTION procurement_commit_order();
"""
NO_COMMITS = """
DROP TRIGGER procurement_order_commits ON procurement_purchaseorder; DROP FUNCTION procurement_commit_order();
"""
ATTESTS = """
CREATE FUNCTION procurement_count_attested() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE procurement_purchaseorder SET attested_cents = attested_cents + NEW.amount_cents WHERE id = NEW.order_id;
  RETURN NULL;
END $$;
CREATE TRIGGER procurement_attestation_counts AFTER INSERT ON procurement_serviceattestation
FOR EACH ROW EXECUTE FUNCTION procurement_count_attested();
"""
NO_ATTESTS = """
DROP TRIGGER procurement_attestation_counts ON procurement_serviceattestation;
DROP FUNCTION procurement_count_attested();
"""
COUNTERS = {
    "procurement_frameworkagreement": "ordered_cents",
    "procurement_agreementlot": "ordered_cents",
    "procurement_costcentre": "committed_cents",
    "procurement_purchaseorder": "attested_cents",
}
BARE = """
CREATE FUNCTION procurement_refuse_bare_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF pg_trigger_depth() < 2 THEN
    RAISE EXCEPTION 'a counter of % moves only with the rows that it counts', TG_TABLE_NAME
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
""" + "".join(
    f"CREATE TRIGGER {table}_counter BEFORE UPDATE OF {column} ON {table} FOR EACH ROW "
    f"WHEN (OLD.{column} <> NEW.{column}) EXECUTE FUNCTION procurement_refuse_bare_count();"
    for table, column in COUNTERS.items()
)
NO_BARE = (
    "".join(f"DROP TRIGGER {table}_counter ON {table};" for table in COUNTERS)
    + "DROP FUNCTION procurement_refuse_bare_count();"
)
# The longest duration is read from the dated rule that holds on the agreement's first day.
DURATION = """
CREATE FUNCTION procurement_agreement_lasts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE months integer;
BEGIN
  SELECT max_months INTO months FROM procurement_agreementrule
   WHERE valid_from <= NEW.starts_on AND (valid_until IS NULL OR valid_until > NEW.starts_on)
   ORDER BY valid_from DESC LIMIT 1;
  IF months IS NULL OR NEW.ends_on >= NEW.starts_on + make_interval(months => months) THEN
    RAISE EXCEPTION 'the agreement runs longer than the law allows' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER procurement_agreement_lasts BEFORE INSERT ON procurement_frameworkagreement
FOR EACH ROW EXECUTE FUNCTION procurement_agreement_lasts();
"""
NO_DURATION = """
DROP TRIGGER procurement_agreement_lasts ON procurement_frameworkagreement;
DROP FUNCTION procurement_agreement_lasts();
"""
# A centre hangs below one of its own organisation and stays there: with its parent frozen there is no circle.
TREE = """
CREATE FUNCTION procurement_centre_fits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.parent_id IS NULL THEN
    NEW.depth := 0;
  ELSE
    SELECT depth + 1 INTO NEW.depth FROM procurement_costcentre
     WHERE id = NEW.parent_id AND organisation_id = NEW.organisation_id;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'the cost centre above is of another organisation' USING ERRCODE = 'check_violation';
    END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER procurement_centre_fits BEFORE INSERT ON procurement_costcentre
FOR EACH ROW EXECUTE FUNCTION procurement_centre_fits();
"""
NO_TREE = "DROP TRIGGER procurement_centre_fits ON procurement_costcentre; DROP FUNCTION procurement_centre_fits();"


def write_rule(apps: Any, schema_editor: Any) -> None:
    """Write the rule in force; a change of the law is another row."""
    apps.get_model("procurement", "AgreementRule").objects.create(
        valid_from=date(2019, 4, 1),
        max_months=48,
        source="Code de la commande publique, article L2125-1 (pouvoirs adjudicateurs)",
    )


class Migration(migrations.Migration):
    dependencies = [("procurement", "0001_initial"), ("audit", "0002_append_only")]

    operations = [
        migrations.RunPython(write_rule, migrations.RunPython.noop),
        migrations.RunSQL(FITS, NO_FITS),
        migrations.RunSQL(COMMITS, NO_COMMITS),
        migrations.RunSQL(ATTESTS, NO_ATTESTS),
        migrations.RunSQL(BARE, NO_BARE),
        migrations.RunSQL(DURATION, NO_DURATION),
        migrations.RunSQL(TREE, NO_TREE),
        protect("procurement_serviceattestation"),
        protect(
            "procurement_banktransfer",
            frozen=[
                "organisation_id", "quote_id", "attestation_id", "amount_cents", "received_on", "bank_reference",
                "recorded_by_id", "recorded_at",
            ],
        ),
        protect(
            "procurement_frameworkagreement",
            frozen=[
                "organisation_id", "number", "maximum_cents", "starts_on", "ends_on", "price_list", "price_version",
                "revision_rule", "drafted_by_id",
            ],
        ),
        protect("procurement_agreementlot", frozen=["agreement_id", "organisation_id", "code", "maximum_cents"]),
        protect("procurement_costcentre", frozen=["organisation_id", "parent_id", "depth", "code"]),
        protect(
            "procurement_purchaseorder",
            frozen=[
                "organisation_id", "agreement_id", "agreement_lot_id", "cost_centre_id", "number", "amount_cents",
                "placed_on", "placed_by_id", "placed_at", "by_staff",
            ],
        ),
        protect("procurement_quote", frozen=["organisation_id", "credits", "net_cents", "requested_at"]),
    ]  # fmt: skip
