# SPDX-License-Identifier: Apache-2.0
"""SQL of append-only tables, used by migrations: facts are written once, mistakes are reversed by new facts."""

from collections.abc import Sequence

from django.db import migrations

FUNCTION = """
CREATE FUNCTION aion_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'rows of % are facts: they are never changed or deleted', TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation';
END $$
"""


def protect(table: str, *, frozen: Sequence[str] = ()) -> migrations.RunSQL:
    """Refuse DELETE and TRUNCATE of ``table``, and UPDATE: of any column, or only of the ``frozen`` ones."""
    columns = f"UPDATE OF {', '.join(frozen)}" if frozen else "UPDATE"
    return migrations.RunSQL(
        f"CREATE TRIGGER {table}_facts BEFORE DELETE OR {columns} ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION aion_refuse_change();"
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION aion_refuse_change();",
        f"DROP TRIGGER {table}_facts ON {table}; DROP TRIGGER {table}_no_truncate ON {table};",
    )


KEPT_FUNCTION = """
CREATE FUNCTION aion_forget_only_old() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (to_jsonb(OLD) ->> TG_ARGV[0])::timestamptz < nullif(current_setting('aion.forget_before', true), '')::timestamptz
  THEN RETURN OLD; END IF;
  RAISE EXCEPTION 'rows of % are facts: only retention deletes them, once their time is over', TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation';
END $$
"""


def let_go(table: str, *, since: str, frozen: Sequence[str] = ()) -> migrations.RunSQL:
    """Let retention (``aion/retention.py``) delete rows of a protected ``table`` by the age of their ``since``.

    ``frozen`` is what ``protect`` was told. TRUNCATE, bare deletes and changes stay refused.
    """
    columns = f"UPDATE OF {', '.join(frozen)}" if frozen else "UPDATE"
    return migrations.RunSQL(
        f"DROP TRIGGER {table}_facts ON {table};"
        f"CREATE TRIGGER {table}_facts BEFORE {columns} ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION aion_refuse_change();"
        f"CREATE TRIGGER {table}_kept BEFORE DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION aion_forget_only_old('{since}');",
        f"DROP TRIGGER {table}_kept ON {table}; DROP TRIGGER {table}_facts ON {table};"
        f"CREATE TRIGGER {table}_facts BEFORE DELETE OR {columns} ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION aion_refuse_change();",
    )
