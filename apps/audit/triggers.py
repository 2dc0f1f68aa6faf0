"""Database triggers that refuse to change or delete a sealed event, whoever asks."""

from __future__ import annotations

from django.db.backends.base.schema import BaseDatabaseSchemaEditor

TABLE = "audit_auditevent"
REFUSAL = "A sealed audit event cannot be changed or deleted."

_SQLITE = [
    f"""CREATE TRIGGER audit_refuse_{verb.lower()} BEFORE {verb} ON {TABLE}
    WHEN OLD.sequence IS NOT NULL BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"""
    for verb in ("UPDATE", "DELETE")
]
_POSTGRESQL = [
    f"""CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'restrict_violation'; END $$""",
    f"""CREATE TRIGGER audit_refuse BEFORE UPDATE OR DELETE ON {TABLE}
    FOR EACH ROW WHEN (OLD.sequence IS NOT NULL) EXECUTE FUNCTION audit_refuse()""",
    f"""CREATE TRIGGER audit_refuse_truncate BEFORE TRUNCATE ON {TABLE}
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()""",
]
_MYSQL = [
    f"""CREATE TRIGGER audit_refuse_{verb.lower()} BEFORE {verb} ON {TABLE} FOR EACH ROW
    IF OLD.sequence IS NOT NULL THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{REFUSAL}'; END IF"""
    for verb in ("UPDATE", "DELETE")
]
REMOVAL = {
    "sqlite": [f"DROP TRIGGER IF EXISTS audit_refuse_{verb}" for verb in ("update", "delete")],
    "postgresql": [
        f"DROP TRIGGER IF EXISTS {name} ON {TABLE}" for name in ("audit_refuse", "audit_refuse_truncate")
    ],
    "mysql": [f"DROP TRIGGER IF EXISTS audit_refuse_{verb}" for verb in ("update", "delete")],
}
_CREATION = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL, "mysql": _MYSQL}


def install(schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Create the triggers, after removing older ones; raises `KeyError` on another kind of database.

    On MySQL with a binary log this needs `log_bin_trust_function_creators` or the TRIGGER privilege
    of an administrator.
    """
    remove(schema_editor)
    for statement in _CREATION[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


def remove(schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Drop the triggers."""
    for statement in REMOVAL[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)
