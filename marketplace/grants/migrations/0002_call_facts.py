# SPDX-License-Identifier: Apache-2.0
"""What applicants were told of a published call holds, and what they submitted stays as it was."""

from django.db import migrations

from aion.audit.append_only import protect

# A deadline may move later while the call is open; texts may be corrected; nothing else moves once it is published.
PROGRAMMES = """
CREATE FUNCTION grants_programme_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF OLD.state <> 'draft' THEN
      RAISE EXCEPTION 'a published programme is never deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN OLD;
  END IF;
  IF (NEW.public_id, NEW.code, NEW.organisation_id, NEW.funder, NEW.money_source, NEW.aid_regime, NEW.aid_decided_by,
      NEW.pot, NEW.cap_per_award, NEW.opens_at, NEW.zone, NEW.lot_days, NEW.report_days, NEW.min_reviews,
      NEW.sku_codes, NEW.site_codes, NEW.min_level, NEW.ties_projects, NEW.check_after_days, NEW.min_used_percent,
      NEW.rules, NEW.rules_version)
     IS DISTINCT FROM
     (OLD.public_id, OLD.code, OLD.organisation_id, OLD.funder, OLD.money_source, OLD.aid_regime, OLD.aid_decided_by,
      OLD.pot, OLD.cap_per_award, OLD.opens_at, OLD.zone, OLD.lot_days, OLD.report_days, OLD.min_reviews,
      OLD.sku_codes, OLD.site_codes, OLD.min_level, OLD.ties_projects, OLD.check_after_days, OLD.min_used_percent,
      OLD.rules, OLD.rules_version) THEN
    RAISE EXCEPTION 'a published programme keeps its terms' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF NEW.closes_at < OLD.closes_at OR NEW.decision_on < OLD.decision_on
     OR (NEW.closes_at > OLD.closes_at AND OLD.state <> 'open') THEN
    RAISE EXCEPTION 'the dates of a published programme move later only, and only while it is open'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER grants_programme_terms BEFORE UPDATE OR DELETE ON grants_programme
FOR EACH ROW WHEN (OLD.state <> 'draft') EXECUTE FUNCTION grants_programme_stays();
"""
NO_PROGRAMMES = """
DROP TRIGGER grants_programme_terms ON grants_programme; DROP FUNCTION grants_programme_stays();
"""
# The pot is committed by rows that say what for, never by a bare UPDATE.
COMMITTED = """
CREATE FUNCTION grants_refuse_bare_commitment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' AND NEW.committed <> 0 OR TG_OP = 'UPDATE' AND pg_trigger_depth() < 2 THEN
    RAISE EXCEPTION 'a pot is committed only through a commitment' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER grants_programme_committed BEFORE UPDATE OF committed ON grants_programme
FOR EACH ROW WHEN (OLD.committed <> NEW.committed) EXECUTE FUNCTION grants_refuse_bare_commitment();
CREATE TRIGGER grants_programme_starts_empty BEFORE INSERT ON grants_programme
FOR EACH ROW EXECUTE FUNCTION grants_refuse_bare_commitment();
"""
NOT_COMMITTED = """
DROP TRIGGER grants_programme_committed ON grants_programme;
DROP TRIGGER grants_programme_starts_empty ON grants_programme;
DROP FUNCTION grants_refuse_bare_commitment();
"""
CRITERIA = """
CREATE FUNCTION grants_criterion_stays() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE found_state text;
BEGIN
  SELECT state INTO found_state FROM grants_programme
   WHERE id = CASE WHEN TG_OP = 'INSERT' THEN NEW.programme_id ELSE OLD.programme_id END;
  IF found_state IS NOT NULL AND found_state <> 'draft' THEN
    RAISE EXCEPTION 'a published programme keeps its criteria' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER grants_criterion_terms BEFORE INSERT OR UPDATE OR DELETE ON grants_criterion
FOR EACH ROW EXECUTE FUNCTION grants_criterion_stays();
"""
NO_CRITERIA = "DROP TRIGGER grants_criterion_terms ON grants_criterion; DROP FUNCTION grants_criterion_stays();"
# The team's names and addresses may be erased later at a person's wish: they are left out on purpose.
APPLICATIONS = """
CREATE FUNCTION grants_application_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.title, NEW.abstract, NEW.work_plan, NEW.data_class, NEW.openness, NEW.ethics, NEW.acknowledgement,
      NEW.attestations, NEW.declared_aid, NEW.partners, NEW.requested_amount, NEW.milli_gpu_hours, NEW.project_id,
      NEW.submitted_by_id)
     IS DISTINCT FROM
     (OLD.title, OLD.abstract, OLD.work_plan, OLD.data_class, OLD.openness, OLD.ethics, OLD.acknowledgement,
      OLD.attestations, OLD.declared_aid, OLD.partners, OLD.requested_amount, OLD.milli_gpu_hours, OLD.project_id,
      OLD.submitted_by_id)
     OR NEW.submitted_at IS DISTINCT FROM OLD.submitted_at THEN
    RAISE EXCEPTION 'an application that was submitted keeps its content'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER grants_application_content BEFORE UPDATE ON grants_application
FOR EACH ROW WHEN (OLD.state <> 'draft') EXECUTE FUNCTION grants_application_stays();
"""
NO_APPLICATIONS = """
DROP TRIGGER grants_application_content ON grants_application; DROP FUNCTION grants_application_stays();
"""
PARTS = """
CREATE FUNCTION grants_part_stays() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE found_state text;
BEGIN
  SELECT state INTO found_state FROM grants_application
   WHERE id = CASE WHEN TG_OP = 'INSERT' THEN NEW.application_id ELSE OLD.application_id END;
  IF found_state IS NOT NULL AND found_state <> 'draft' THEN
    RAISE EXCEPTION 'an application that was submitted keeps its items and files'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER grants_workitem_content BEFORE INSERT OR UPDATE OR DELETE ON grants_workitem
FOR EACH ROW EXECUTE FUNCTION grants_part_stays();
CREATE TRIGGER grants_attachment_content BEFORE INSERT OR UPDATE OR DELETE ON grants_attachment
FOR EACH ROW EXECUTE FUNCTION grants_part_stays();
"""
NO_PARTS = """
DROP TRIGGER grants_workitem_content ON grants_workitem;
DROP TRIGGER grants_attachment_content ON grants_attachment;
DROP FUNCTION grants_part_stays();
"""


class Migration(migrations.Migration):
    dependencies = [("grants", "0001_calls"), ("audit", "0002_append_only")]

    operations = [
        migrations.RunSQL(PROGRAMMES, NO_PROGRAMMES),
        migrations.RunSQL(COMMITTED, NOT_COMMITTED),
        migrations.RunSQL(CRITERIA, NO_CRITERIA),
        migrations.RunSQL(APPLICATIONS, NO_APPLICATIONS),
        migrations.RunSQL(PARTS, NO_PARTS),
        protect("grants_application", frozen=["public_id", "organisation_id", "programme_id", "created_at"]),
        protect("grants_submission"),
        protect("grants_eligibilityresult"),
        protect("grants_applicationevent"),
    ]
