"""What must never happen to a row, whoever writes the statement: triggers, in SQLite's dialect.

Every statement of the store names the state it expects, so none of these fires while the code is right.
"""

TRIGGERS = (
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
