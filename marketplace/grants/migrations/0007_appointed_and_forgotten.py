# SPDX-License-Identifier: Apache-2.0
"""Who reviewed until now is appointed, a pot gets back no more than it gave, and a sealed copy can forget a name."""

from django.db import migrations

from aion.audit.append_only import protect

# Whoever could be asked for a review of a programme until now: its reviewers, and those who were asked already.
APPOINTED = """
INSERT INTO grants_appointment (public_id, organisation_id, programme_id, reviewer_id, appointed_by, appointed_at,
    ended_by)
SELECT 'apt_' || left(replace(gen_random_uuid()::text, '-', ''), 16), p.organisation_id, p.id, r.user_id, 'system',
       now(), ''
FROM grants_programme p
JOIN (
  SELECT g.id AS programme_id, m.user_id FROM grants_programme g
    JOIN tenancy_membership m ON m.organisation_id = g.organisation_id AND m.role = 'reviewer'
  UNION
  SELECT a.programme_id, v.reviewer_id FROM grants_reviewassignment v
    JOIN grants_application a ON a.id = v.application_id
) r ON r.programme_id = p.id
"""
POTS = """
CREATE OR REPLACE FUNCTION grants_commit_pot() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE grants_programme SET committed = committed + NEW.amount WHERE id = NEW.programme_id;
  IF NEW.amount < 0 AND (SELECT sum(amount) FROM grants_commitment
                         WHERE application_id = NEW.application_id AND programme_id = NEW.programme_id) < 0 THEN
    RAISE EXCEPTION 'a pot gets back no more than an award took' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$;
"""
POTS_BEFORE = """
CREATE OR REPLACE FUNCTION grants_commit_pot() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE grants_programme SET committed = committed + NEW.amount WHERE id = NEW.programme_id;
  RETURN NULL;
END $$;
"""
# A name of the team may become the number of an erased person; nothing else of a sealed copy ever changes.
SEALED = """
DROP TRIGGER grants_submission_facts ON grants_submission;
CREATE FUNCTION grants_submission_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE'
     AND to_jsonb(NEW) - 'content' = to_jsonb(OLD) - 'content'
     AND NEW.content - 'team' = OLD.content - 'team'
     AND jsonb_array_length(NEW.content -> 'team') = jsonb_array_length(OLD.content -> 'team')
     AND NOT EXISTS (
       SELECT FROM jsonb_array_elements(NEW.content -> 'team') WITH ORDINALITY AS n(one, place)
       JOIN jsonb_array_elements(OLD.content -> 'team') WITH ORDINALITY AS o(one, place) USING (place)
       WHERE n.one - 'name' <> o.one - 'name'
          OR n.one <> o.one AND n.one ->> 'name' !~ '^erased-[0-9]+$')
  THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'what was submitted is sealed: only the name of an erased person is taken out of it'
    USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER grants_submission_facts BEFORE UPDATE OR DELETE ON grants_submission
FOR EACH ROW EXECUTE FUNCTION grants_submission_stays();
UPDATE grants_submission s SET content = jsonb_set(s.content, '{team}', (
  SELECT jsonb_agg(CASE WHEN a.team -> (t.place - 1)::integer ->> 'name' ~ '^erased-[0-9]+$'
                        THEN jsonb_set(t.one, '{name}', a.team -> (t.place - 1)::integer -> 'name') ELSE t.one END
                   ORDER BY t.place)
  FROM jsonb_array_elements(s.content -> 'team') WITH ORDINALITY AS t(one, place)))
FROM grants_application a
WHERE a.id = s.application_id AND a.team::text ~ '"erased-[0-9]+"' AND jsonb_array_length(s.content -> 'team') > 0;
"""
SEALED_BEFORE = """
DROP TRIGGER grants_submission_facts ON grants_submission;
DROP FUNCTION grants_submission_stays();
CREATE TRIGGER grants_submission_facts BEFORE DELETE OR UPDATE ON grants_submission
FOR EACH ROW EXECUTE FUNCTION aion_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("grants", "0006_appointments_and_returns"), ("audit", "0002_append_only")]

    operations = [
        migrations.RunSQL(APPOINTED, migrations.RunSQL.noop),
        migrations.RunSQL(POTS, POTS_BEFORE),
        migrations.RunSQL(SEALED, SEALED_BEFORE),
        protect(
            "grants_appointment", frozen=["programme_id", "reviewer_id", "organisation_id", "appointed_by", "appointed_at"]
        ),
    ]
