# SPDX-License-Identifier: Apache-2.0
"""Scores stay in their range and fixed, a pot changes only by commitments, decisions and aid are facts."""

from django.db import migrations

from aion.audit.append_only import protect

SCORES = """
CREATE FUNCTION grants_score_stays() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE found_state text; highest integer;
BEGIN
  SELECT state INTO found_state FROM grants_reviewassignment
   WHERE id = CASE WHEN TG_OP = 'INSERT' THEN NEW.assignment_id ELSE OLD.assignment_id END;
  IF found_state <> 'accepted' THEN
    RAISE EXCEPTION 'scores change only while a review is open' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF TG_OP = 'DELETE' THEN
    RETURN OLD;
  END IF;
  SELECT c.max_score INTO highest FROM grants_criterion c
    JOIN grants_application a ON a.programme_id = c.programme_id
    JOIN grants_reviewassignment r ON r.application_id = a.id
   WHERE c.id = NEW.criterion_id AND r.id = NEW.assignment_id;
  IF highest IS NULL OR NEW.value > highest THEN
    RAISE EXCEPTION 'a score is outside its range' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER grants_score_range BEFORE INSERT OR UPDATE OR DELETE ON grants_score
FOR EACH ROW EXECUTE FUNCTION grants_score_stays();
"""
NO_SCORES = "DROP TRIGGER grants_score_range ON grants_score; DROP FUNCTION grants_score_stays();"
# What a reviewer has handed in or declared stays.
REVIEWS = """
CREATE FUNCTION grants_review_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a review that was handed in stays as it is' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER grants_review_facts BEFORE UPDATE ON grants_reviewassignment
FOR EACH ROW WHEN (OLD.state IN ('submitted', 'conflict', 'cancelled')) EXECUTE FUNCTION grants_review_stays();
"""
NO_REVIEWS = "DROP TRIGGER grants_review_facts ON grants_reviewassignment; DROP FUNCTION grants_review_stays();"
POTS = """
CREATE FUNCTION grants_commit_pot() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE grants_programme SET committed = committed + NEW.amount WHERE id = NEW.programme_id;
  RETURN NULL;
END $$;
CREATE TRIGGER grants_commitment_counts AFTER INSERT ON grants_commitment
FOR EACH ROW EXECUTE FUNCTION grants_commit_pot();
"""
NO_POTS = "DROP TRIGGER grants_commitment_counts ON grants_commitment; DROP FUNCTION grants_commit_pot();"


class Migration(migrations.Migration):
    dependencies = [("grants", "0003_awards"), ("audit", "0002_append_only")]

    operations = [
        migrations.RunSQL(SCORES, NO_SCORES),
        migrations.RunSQL(REVIEWS, NO_REVIEWS),
        migrations.RunSQL(POTS, NO_POTS),
        protect("grants_reviewassignment", frozen=["application_id", "reviewer_id", "organisation_id", "assigned_at"]),
        protect(
            "grants_decision",
            frozen=["application_id", "kind", "amount", "rank", "reason", "proposed_by_id", "proposed_at"],
        ),
        protect("grants_commitment"),
        protect(
            "grants_award",
            frozen=["organisation_id", "programme_id", "application_id", "decision_id", "lot_id", "amount", "granted_at"],
        ),
        protect("grants_extensionrequest", frozen=["award_id", "until", "reason", "asked_by_id", "asked_at"]),
        protect("grants_reclaim", frozen=["award_id", "amount", "reason", "proposed_by_id", "proposed_at"]),
    ]
