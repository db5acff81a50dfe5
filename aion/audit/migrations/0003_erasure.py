# SPDX-License-Identifier: Apache-2.0
"""A person's name may leave the log, and nothing else may: the act, its time, its reason and its ids stay.

The one way is the function ``aion_forget_person``. It opens the door for its own statements only, and the trigger
still compares every other column.
"""

from django.db import migrations

KEEP = """
CREATE FUNCTION audit_keep_facts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE rest audit_auditevent;
BEGIN
  IF TG_OP = 'UPDATE' AND current_setting('aion.forgets', true) ~ '^[0-9]+$' THEN
    rest := NEW;
    rest.actor_label := OLD.actor_label;
    rest.subject_label := OLD.subject_label;
    IF rest IS NOT DISTINCT FROM OLD
      AND NEW.actor_label IN (OLD.actor_label, 'erased-' || current_setting('aion.forgets'))
      AND NEW.subject_label IN (OLD.subject_label, 'erased-' || current_setting('aion.forgets'))
      AND (NEW.actor_label = OLD.actor_label OR OLD.user_id = current_setting('aion.forgets')::bigint)
    THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION 'rows of % are facts: they are never changed or deleted', TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation';
END $$;
DROP TRIGGER audit_auditevent_facts ON audit_auditevent;
CREATE TRIGGER audit_auditevent_facts BEFORE DELETE OR UPDATE ON audit_auditevent
  FOR EACH ROW EXECUTE FUNCTION audit_keep_facts();
"""
FORGET = """
CREATE FUNCTION aion_forget_person(person bigint, address text, memberships text[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('aion.forgets', person::text, true);
  UPDATE audit_auditevent SET actor_label = 'erased-' || person
    WHERE user_id = person AND actor_label <> 'erased-' || person;
  UPDATE audit_auditevent SET subject_label = 'erased-' || person
    WHERE subject_label <> 'erased-' || person
      AND (strpos(subject_label, address) > 0
        OR (subject_type = 'tenancy.user' AND subject_id = person::text)
        OR (subject_type = 'tenancy.membership' AND subject_id = ANY (memberships)));
  PERFORM set_config('aion.forgets', '', true);
END $$;
"""
BACK = """
DROP FUNCTION aion_forget_person(bigint, text, text[]);
DROP TRIGGER audit_auditevent_facts ON audit_auditevent;
CREATE TRIGGER audit_auditevent_facts BEFORE DELETE OR UPDATE ON audit_auditevent
  FOR EACH ROW EXECUTE FUNCTION aion_refuse_change();
DROP FUNCTION audit_keep_facts();
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_append_only")]

    operations = [migrations.RunSQL(KEEP + FORGET, BACK)]
