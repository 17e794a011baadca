"""What we say to Procrastinate's tables in our own words: its 3.10, held to that by a test.

A job stands for "somebody has to carry this request". Its `lock` and `queueing_lock` are the request's id: at most one
job of a request waits (`todo`), and at most one is being carried (`doing`). A job that is done is deleted. The rows of
`requests` alone say what has to be carried; every job may be lost, and `sweep` puts them back.

Procrastinate's own statements work on one job at a time. These do on as many as there are, which is what makes 10,000
requests start in seconds; and they can be repeated after a lost answer, which Procrastinate's refuse.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from procrastinate.jobs import Job
from psycopg import AsyncConnection, OperationalError
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from veobot.core.request import RequestId

QUEUE = "veobot"
"""The name of our jobs' queue: the tables may be shared with another program's jobs."""
TASK = "carry"

LOCKS = 0x7665_6F71
"""The first of an advisory lock's two numbers ("veoq"), so that ours meet no other program's."""
SWEEP_LOCK = 1

Pool: TypeAlias = AsyncConnectionPool[AsyncConnection]

# Older first: fewer seconds from Discord's first to the command are a higher priority, so that what is resumed comes
# before what is new. Seconds, since PostgreSQL's integer holds 68 years of them; the oldest of one second is first in
# by the order of insertion. An id that is no snowflake of this century comes last.
_INSERT = """
    INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args)
    SELECT %(queue)s, %(task)s, -LEAST((r.id >> 22) / 1000, 2147483647)::integer, r.id::text, r.id::text,
           jsonb_build_object('request_id', r.id)
    FROM requests AS r
    WHERE r.closed_at IS NULL
"""
# Two questions, each with an index of its own; OFFSET 0 has it used, whatever the statistics of a table say that was
# empty a moment ago.
_WITHOUT_JOB = """
    AND NOT EXISTS (
        SELECT FROM procrastinate_jobs AS j WHERE j.status = 'todo' AND j.queueing_lock = r.id::text OFFSET 0)
    AND NOT EXISTS (
        SELECT FROM procrastinate_jobs AS j WHERE j.status = 'doing' AND j.lock = r.id::text OFFSET 0)
    ORDER BY r.id
    ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING
    RETURNING id
"""

_ENQUEUE = _INSERT + "AND r.id = ANY(%(request_ids)s)" + _WITHOUT_JOB

# Whoever let a request in sees to its first job; until then it may not even be acknowledged.
_BRING_BACK = _INSERT + "AND NOT (r.owner = '' AND r.created_at > %(let_in_after)s)" + _WITHOUT_JOB

_TAKE_SWEEP_LOCK = "SELECT pg_advisory_xact_lock(%(space)s, %(key)s)"

# A worker that left has taken its row with it: then the job names none.
_FREE_LOST = """
    DELETE FROM procrastinate_jobs AS j
    WHERE j.status = 'doing' AND j.queue_name = %(queue)s
      AND (j.worker_id IS NULL
           OR j.worker_id = %(leaving)s
           OR %(judge)s AND NOT EXISTS (
               SELECT FROM procrastinate_workers AS w
               WHERE w.id = j.worker_id AND w.last_heartbeat > now() - %(stalled_after)s::interval))
"""

_FORGET_WORKERS = (
    "DELETE FROM procrastinate_workers WHERE last_heartbeat < now() - %(forgotten_after)s::interval"
)

# `procrastinate_fetch_job_v2`, for many at once: without its second condition, since of one request never more than
# one job waits.
_FETCH = """
    WITH next AS MATERIALIZED (
        SELECT j.id FROM procrastinate_jobs AS j
        WHERE j.status = 'todo' AND j.queue_name = %(queue)s
          AND NOT EXISTS (
              SELECT FROM procrastinate_jobs AS other
              WHERE other.status = 'doing' AND other.lock = j.lock OFFSET 0)
        ORDER BY j.priority DESC, j.id
        LIMIT %(limit)s
        FOR UPDATE OF j SKIP LOCKED
    )
    UPDATE procrastinate_jobs AS j SET status = 'doing', worker_id = %(worker_id)s
    FROM next WHERE j.id = next.id
    RETURNING j.id, j.status, j.task_name, j.priority, j.lock, j.queueing_lock, j.args, j.scheduled_at, j.queue_name,
              j.attempts, j.worker_id
"""

_FETCHED = """
    SELECT id, status, task_name, priority, lock, queueing_lock, args, scheduled_at, queue_name, attempts, worker_id
    FROM procrastinate_jobs
    WHERE status = 'doing' AND queue_name = %(queue)s AND worker_id = %(worker_id)s AND id <> ALL(%(known)s)
"""

_FINISH = "DELETE FROM procrastinate_jobs WHERE status = 'doing' AND id = ANY(%(job_ids)s)"

# A worker that was taken for dead and is not comes back under its old number.
_BEAT = """
    INSERT INTO procrastinate_workers (id, last_heartbeat) OVERRIDING SYSTEM VALUE VALUES (%(worker_id)s, now())
    ON CONFLICT (id) DO UPDATE SET last_heartbeat = now()
"""

_NOT_CLOSED = "SELECT id FROM requests WHERE id = ANY(%(request_ids)s) AND closed_at IS NULL"

FORGOTTEN_AFTER = timedelta(minutes=10)
"""So long after its last heartbeat a worker's row is deleted; nothing depends on it."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep changed."""

    freed: int
    """Jobs of workers that are gone."""
    brought_back: int
    """Requests that nobody carried and that had no job."""


class JobTable:
    """The jobs in the database. Each method is one transaction; each raises `psycopg.Error`.

    All but `fetch` may be repeated after an answer that was lost, and are, once.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def enqueue(self, request_ids: Sequence[RequestId]) -> None:
        """Have each of these carried that is not closed and has no job."""
        await self._execute(_ENQUEUE, queue=QUEUE, task=TASK, request_ids=list(request_ids))

    async def sweep(
        self,
        *,
        stalled_after: timedelta,
        let_in_before: datetime,
        judge: bool = True,
        leaving: int | None = None,
    ) -> Swept:
        """Free the jobs of workers that are gone, and give a job to every incomplete request that has none.

        One transaction, after that of any other sweeper: what is lost is brought back once. A worker is gone when it
        has left, is the one `leaving`, or is without a heartbeat for `stalled_after`; the last only counts if `judge`.
        A request that nobody has carried yet is left alone if it is younger than `let_in_before`.
        """
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(_TAKE_SWEEP_LOCK, {"space": LOCKS, "key": SWEEP_LOCK})
            lost = {"queue": QUEUE, "judge": judge, "stalled_after": stalled_after, "leaving": leaving}
            freed = await connection.execute(_FREE_LOST, lost)
            if judge:
                await connection.execute(_FORGET_WORKERS, {"forgotten_after": FORGOTTEN_AFTER})
            without = {"queue": QUEUE, "task": TASK, "let_in_after": _milliseconds(let_in_before)}
            brought_back = await connection.execute(_BRING_BACK, without)
            return Swept(freed.rowcount, brought_back.rowcount)

    async def fetch(self, worker_id: int, limit: int) -> list[Job]:
        """Make at most `limit` waiting jobs this worker's; return them, the oldest request's first.

        Where it raises, they may have become this worker's, and the answer was lost: ask for what was `fetched`.
        """
        return _in_order(await self._once(_FETCH, queue=QUEUE, worker_id=worker_id, limit=limit))

    async def fetched(self, worker_id: int, known: Sequence[int]) -> list[Job]:
        """Return the jobs that are this worker's and not among those that it knows of."""
        return _in_order(await self._execute(_FETCHED, queue=QUEUE, worker_id=worker_id, known=list(known)))

    async def finish(self, job_ids: Sequence[int]) -> None:
        """Delete jobs that were carried. One that was taken from its worker meanwhile is gone already."""
        await self._execute(_FINISH, job_ids=list(job_ids))

    async def beat(self, worker_id: int) -> None:
        """Show that this worker lives."""
        await self._execute(_BEAT, worker_id=worker_id)

    async def not_closed(self, request_ids: Sequence[RequestId]) -> list[RequestId]:
        """Return those of these requests that somebody carries, or soon will."""
        rows = await self._execute(_NOT_CLOSED, request_ids=list(request_ids))
        return [RequestId(row["id"]) for row in rows]

    async def _execute(self, query: str, **parameters: object) -> list[DictRow]:
        try:
            return await self._once(query, **parameters)
        except PoolTimeout:
            raise
        except OperationalError:
            # Most likely the server was restarted since this connection was used; so the others are no better.
            await self._pool.check()
            return await self._once(query, **parameters)

    async def _once(self, query: str, **parameters: object) -> list[DictRow]:
        async with self._pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(query.encode(), parameters)
            return await cursor.fetchall() if cursor.description is not None else []


def _in_order(rows: list[DictRow]) -> list[Job]:
    return [Job.from_row(row) for row in sorted(rows, key=lambda row: (-row["priority"], row["id"]))]


def _milliseconds(moment: datetime) -> int:
    """Return a time as the rows have it."""
    return int(moment.timestamp() * 1000)
