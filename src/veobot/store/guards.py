"""What must never happen to a row, whoever writes the statement: triggers, in each dialect.

Every statement of the store names the state it expects, so none of these fires while the code is right.
"""

_SQLITE = (
    """
    CREATE TRIGGER requests_closed_never_change BEFORE UPDATE ON requests
    WHEN OLD.closed_at IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'a closed request never changes'); END
    """,
    """
    CREATE TRIGGER requests_incomplete_never_deleted BEFORE DELETE ON requests
    WHEN OLD.closed_at IS NULL
    BEGIN SELECT RAISE(ABORT, 'an incomplete request is never deleted'); END
    """,
    """
    CREATE TRIGGER requests_epoch_never_falls BEFORE UPDATE OF epoch ON requests
    WHEN NEW.epoch < OLD.epoch
    BEGIN SELECT RAISE(ABORT, 'an epoch never falls'); END
    """,
    """
    CREATE TRIGGER submissions_operation_never_overwritten BEFORE UPDATE OF operation ON submissions
    WHEN OLD.operation IS NOT NULL AND NEW.operation IS NOT OLD.operation
    BEGIN SELECT RAISE(ABORT, 'an operation name is never overwritten'); END
    """,
    """
    CREATE TRIGGER transitions_never_change BEFORE UPDATE ON transitions
    BEGIN SELECT RAISE(ABORT, 'transitions are append-only'); END
    """,
    # A request that is deleted takes its transitions with it; by then its own row is gone.
    """
    CREATE TRIGGER transitions_never_deleted_alone BEFORE DELETE ON transitions
    WHEN EXISTS (SELECT 1 FROM requests WHERE id = OLD.request_id)
    BEGIN SELECT RAISE(ABORT, 'transitions are append-only'); END
    """,
)


def _guard(
    name: str, table: str, event: str, message: str, condition: str = "TRUE", *, passes: str
) -> tuple[str, str]:
    """Return a function that refuses, and a trigger that calls it where the condition holds."""
    refusal = f"RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation'"
    body = f"BEGIN IF {condition} THEN {refusal}; END IF; RETURN {passes}; END"
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$",
        f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
    )


_POSTGRESQL = (
    *_guard(
        "requests_closed_never_change",
        "requests",
        "UPDATE",
        "a closed request never changes",
        "OLD.closed_at IS NOT NULL",
        passes="NEW",
    ),
    *_guard(
        "requests_incomplete_never_deleted",
        "requests",
        "DELETE",
        "an incomplete request is never deleted",
        "OLD.closed_at IS NULL",
        passes="OLD",
    ),
    *_guard(
        "requests_epoch_never_falls",
        "requests",
        "UPDATE",
        "an epoch never falls",
        "NEW.epoch < OLD.epoch",
        passes="NEW",
    ),
    *_guard(
        "submissions_operation_never_overwritten",
        "submissions",
        "UPDATE",
        "an operation name is never overwritten",
        "OLD.operation IS NOT NULL AND NEW.operation IS DISTINCT FROM OLD.operation",
        passes="NEW",
    ),
    *_guard("transitions_never_change", "transitions", "UPDATE", "transitions are append-only", passes="NEW"),
    *_guard(
        "transitions_never_deleted_alone",
        "transitions",
        "DELETE",
        "transitions are append-only",
        "EXISTS (SELECT 1 FROM requests WHERE id = OLD.request_id)",
        passes="OLD",
    ),
)

TRIGGERS = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}
"""By the name of SQLAlchemy's dialect."""
