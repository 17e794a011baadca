"""A worker that cannot make its tables yet."""

import psycopg
from psycopg import sql

from support.cluster_parts import unreachable, until
from support.queue_fixtures import MakeWorker, worker

__all__ = ["worker"]


async def test_what_keeps_a_worker_from_its_tables_is_said_again_when_it_is_something_else(
    postgres_server: str, url: str, worker: MakeWorker
) -> None:
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        name = sql.Identifier(url.rpartition("/")[2])
        connection.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
    one = worker()

    def reasons() -> list[str]:
        return [str(entry["reason"]) for entry in one.log.named("queue.unreachable")]

    with unreachable(postgres_server, url):
        one.start()
        await until(lambda: bool(reasons()), "a first reason")
    await until(lambda: len(reasons()) > 1, "another reason")
    first, second = reasons()
    assert "cannot be reached" in first
    assert "read-only" in second
