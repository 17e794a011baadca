"""There is a database of every released schema, it holds every state, and it can be brought up to date."""

import asyncio
from pathlib import Path

import pytest

from upgrade import write
from upgrade.dumps import DUMPS, Row, dumps_of_head, load, named, revision_of, rows, schema_of
from upgrade.endings import ENDINGS, UNREADABLE
from upgrade.pen import WRITTEN
from veobot.core.failures import Failure
from veobot.core.limits import Limits
from veobot.core.request import RequestId
from veobot.core.status import Closure, DeliveryRoute, Status, SubmissionState
from veobot.core.steps import Step, next_step
from veobot.store.migrate import HEAD_REVISION, REVISIONS
from veobot.store.requests import SqlRequestStore
from veobot.store.sqlite import open_database


@pytest.fixture(params=["as kept", "written now"])
async def databases_of_head(request: pytest.FixtureRequest, tmp_path: Path) -> list[Path]:
    """Databases of today's schema: those that are kept, and the one that would be written today."""
    dumps = dumps_of_head()
    if request.param == "written now":
        dumps = [tmp_path / "new.sql"]
        await write.write(dumps[0])
    databases = [tmp_path / f"{dump.stem}.db" for dump in dumps]
    for dump, database in zip(dumps, databases, strict=True):
        load(dump, database)
    return databases


def test_there_is_a_database_of_every_schema() -> None:
    assert {revision_of(dump) for dump in DUMPS} == set(REVISIONS), "write one: python -m upgrade.write"


@pytest.mark.parametrize("dump", DUMPS, ids=lambda dump: str(dump.stem))
async def test_an_older_database_is_brought_to_just_the_schema_of_a_fresh_one(
    dump: Path, tmp_path: Path
) -> None:
    load(dump, tmp_path / "old.db")
    assert rows(tmp_path / "old.db", "alembic_version") == [{"version_num": revision_of(dump)}]
    for name in ("old.db", "fresh.db"):
        (await open_database(tmp_path / name, sleep=asyncio.sleep)).close()
    assert schema_of(tmp_path / "old.db") == schema_of(tmp_path / "fresh.db")
    assert rows(tmp_path / "old.db", "alembic_version") == [{"version_num": HEAD_REVISION}]


async def test_the_databases_of_today_s_schema_hold_every_word_that_a_row_can(
    databases_of_head: list[Path],
) -> None:
    requests = [row for path in databases_of_head for row in rows(path)]
    submissions = [row for path in databases_of_head for row in rows(path, "submissions")]
    for status in Status:
        assert any(row["status"] == status for row in requests), status
    assert {str(row["status"]) for row in requests if row["closed_at"] is None} >= set(Status)
    assert words(requests, "failure") >= set(Failure)
    assert words([row for row in requests if row["closed_at"] is None], "failure") >= set(Failure)
    assert words(requests, "closure") >= set(Closure)
    assert words(requests, "delivery_route") >= set(DeliveryRoute)
    assert words(submissions, "state") >= set(SubmissionState)


async def test_the_databases_of_today_s_schema_hold_requests_before_every_step(
    databases_of_head: list[Path],
) -> None:
    steps: set[Step] = set()
    for path in databases_of_head:
        database = await open_database(path, sleep=asyncio.sleep)
        store = SqlRequestStore(database)
        for name, row in named(path).items():
            if row["closed_at"] is None and name not in UNREADABLE:
                request = await store.get(RequestId(int(str(row["id"]))))
                steps |= {next_step(request, WRITTEN, has_slot=has, limits=Limits()) for has in (True, False)}
        database.close()
    assert steps == set(Step)


async def test_of_every_state_it_is_written_down_what_becomes_of_it(databases_of_head: list[Path]) -> None:
    left = {
        name
        for path in databases_of_head
        for name, row in named(path).items()
        if row["closed_at"] is None and name not in UNREADABLE
    }
    assert left == set(ENDINGS)


async def test_the_databases_of_today_s_schema_hold_tokens_alive_dead_and_erased(
    databases_of_head: list[Path],
) -> None:
    left = [row for path in databases_of_head for row in rows(path) if row["closed_at"] is None]
    kept = [
        row for row in left if row["interaction_token"] is not None and isinstance(row["created_at"], int)
    ]
    ages_minutes = {(WRITTEN.timestamp() - int(str(row["created_at"])) / 1000) / 60 for row in kept}
    assert min(ages_minutes) < 15 < max(ages_minutes)
    assert len(kept) < len(left)


def test_a_released_database_is_never_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    before = [dump.read_bytes() for dump in DUMPS]
    assert write.main([]) == 2
    assert capsys.readouterr().err == (
        f"{HEAD_REVISION}.sql is there already, and a released database never changes.\n"
    )
    assert write.main(["0000"]) == 2
    assert "0000 would be no database of it" in capsys.readouterr().err
    assert [dump.read_bytes() for dump in DUMPS] == before


def words(found: list[Row], column: str) -> set[str]:
    """Return the words that a column holds."""
    return {str(row[column]) for row in found if row[column] is not None}
