# SPDX-License-Identifier: Apache-2.0
"""An issued document stays, numbers have no gap and follow time, and law only ever ends."""

from django.db import migrations

from aion.audit.append_only import protect

DOCUMENTS = """
CREATE FUNCTION invoicing_document_stays() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE before_sequence integer; before_at timestamptz;
BEGIN
  IF TG_OP <> 'INSERT' AND (TG_OP = 'DELETE' OR OLD.state = 'issued') THEN
    RAISE EXCEPTION 'an invoice that was asked for stays, and one that was issued never changes'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF NEW.state <> 'issued' THEN
    RETURN NEW;
  END IF;
  SELECT sequence, issued_at INTO before_sequence, before_at FROM invoicing_document
   WHERE series = NEW.series AND year = NEW.year AND state = 'issued' ORDER BY sequence DESC LIMIT 1;
  IF NEW.sequence IS DISTINCT FROM coalesce(before_sequence, 0) + 1 THEN
    RAISE EXCEPTION 'invoice number % does not follow %', NEW.sequence, coalesce(before_sequence, 0)
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF NEW.issued_at < before_at OR NEW.year <> extract(year FROM NEW.issued_at AT TIME ZONE 'UTC') THEN
    RAISE EXCEPTION 'invoice numbers follow time' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF NEW.number IS DISTINCT FROM NEW.series || '-' || NEW.year || '-'
     || lpad(NEW.sequence::text, greatest(6, length(NEW.sequence::text)), '0') THEN
    RAISE EXCEPTION 'an invoice number is made of its parts' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER invoicing_document_facts BEFORE INSERT OR UPDATE OR DELETE ON invoicing_document
FOR EACH ROW EXECUTE FUNCTION invoicing_document_stays();
CREATE TRIGGER invoicing_document_no_truncate BEFORE TRUNCATE ON invoicing_document
FOR EACH STATEMENT EXECUTE FUNCTION aion_refuse_change();
CREATE FUNCTION invoicing_line_stays() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE found_state text;
BEGIN
  SELECT state INTO found_state FROM invoicing_document
   WHERE id = CASE WHEN TG_OP = 'INSERT' THEN NEW.document_id ELSE OLD.document_id END;
  IF found_state = 'issued' THEN
    RAISE EXCEPTION 'lines of an issued invoice are facts: they are never changed or deleted'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER invoicing_documentline_facts BEFORE INSERT OR UPDATE OR DELETE ON invoicing_documentline
FOR EACH ROW EXECUTE FUNCTION invoicing_line_stays();
CREATE TRIGGER invoicing_documentline_no_truncate BEFORE TRUNCATE ON invoicing_documentline
FOR EACH STATEMENT EXECUTE FUNCTION aion_refuse_change();
"""
NO_DOCUMENTS = """
DROP TRIGGER invoicing_document_facts ON invoicing_document;
DROP TRIGGER invoicing_document_no_truncate ON invoicing_document;
DROP TRIGGER invoicing_documentline_facts ON invoicing_documentline;
DROP TRIGGER invoicing_documentline_no_truncate ON invoicing_documentline;
DROP FUNCTION invoicing_document_stays();
DROP FUNCTION invoicing_line_stays();
"""
COUNTER = """
CREATE FUNCTION invoicing_counter_counts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR NEW.last <> OLD.last + 1 OR NEW.last_issued_at < OLD.last_issued_at THEN
    RAISE EXCEPTION 'a series of numbers only counts on' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER invoicing_numberseries_counts BEFORE UPDATE OR DELETE ON invoicing_numberseries
FOR EACH ROW EXECUTE FUNCTION invoicing_counter_counts();
"""
NO_COUNTER = """
DROP TRIGGER invoicing_numberseries_counts ON invoicing_numberseries;
DROP FUNCTION invoicing_counter_counts();
"""
# A row of law is ended once, by the version that follows; nothing else of it changes.
LAW = ("vatrate", "vatrule", "mention", "seller")
ENDS = """
CREATE FUNCTION invoicing_law_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF to_jsonb(NEW) - 'valid' <> to_jsonb(OLD) - 'valid' OR upper(OLD.valid) IS NOT NULL
     OR lower(NEW.valid) IS DISTINCT FROM lower(OLD.valid) OR isempty(NEW.valid) THEN
    RAISE EXCEPTION 'law that is written down only ever ends' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
""" + "".join(
    f"""
CREATE TRIGGER invoicing_{name}_ends BEFORE UPDATE ON invoicing_{name}
FOR EACH ROW EXECUTE FUNCTION invoicing_law_ends();
CREATE TRIGGER invoicing_{name}_facts BEFORE DELETE ON invoicing_{name}
FOR EACH ROW EXECUTE FUNCTION aion_refuse_change();
"""
    for name in LAW
)
NO_ENDS = (
    "".join(
        f"DROP TRIGGER invoicing_{name}_ends ON invoicing_{name};"
        f"DROP TRIGGER invoicing_{name}_facts ON invoicing_{name};"
        for name in LAW
    )
    + "DROP FUNCTION invoicing_law_ends();"
)


class Migration(migrations.Migration):
    dependencies = [("invoicing", "0002_law"), ("audit", "0002_append_only")]
    operations = [
        migrations.RunSQL(DOCUMENTS, NO_DOCUMENTS),
        migrations.RunSQL(COUNTER, NO_COUNTER),
        migrations.RunSQL(ENDS, NO_ENDS),
        protect("invoicing_documentfile"),
        protect("invoicing_documentcheck"),
        protect("invoicing_vatevidence"),
        protect("invoicing_viesanswer"),
        protect("invoicing_lifecyclestatus"),
    ]
