"""Whatever an older version left behind, today's code brings to its end, in virtual time."""

from pathlib import Path

import pytest

from simulation.loop import run
from upgrade.dumps import DUMPS, Row, load, named, parts_of, rows
from upgrade.endings import ENDINGS, UNREADABLE, Ending
from upgrade.world import World
from veobot.core.failures import Failure
from veobot.core.request import RequestId
from veobot.core.status import Closure, Status


@pytest.mark.parametrize("dump", DUMPS, ids=lambda dump: str(dump.stem))
def test_every_request_that_an_older_version_left_ends_as_its_state_says(dump: Path, tmp_path: Path) -> None:
    path = tmp_path / "veobot.db"
    load(dump, path)
    left = {name: row for name, row in named(path).items() if row["closed_at"] is None}
    closed = [parts_of(path, row["id"]) for row in rows(path) if row["closed_at"] is not None]
    operations = {key: value for key, value in operations_of(path).items() if value}
    world = resumed(path)
    now = named(path)
    readable = {name for name in left if name not in UNREADABLE}
    assert {name: ending(now[name], world) for name in readable} == {name: ENDINGS[name] for name in readable}
    assert all(now[name]["interaction_token"] is None for name in readable)
    assert world.log.named("request.crashed") == []
    assert [parts_of(path, parts[0]["id"]) for parts in closed] == closed
    assert operations.items() <= operations_of(path).items(), "an operation's name is there for ever"


@pytest.mark.parametrize("dump", DUMPS, ids=lambda dump: str(dump.stem))
def test_what_is_submitted_now_is_what_was_asked_for_then(dump: Path, tmp_path: Path) -> None:
    path = tmp_path / "veobot.db"
    load(dump, path)
    before = named(path)
    asked = resumed(path).generator.asked
    assert asked
    for name, options in asked.items():
        row = before[name]
        assert (options.model, options.seed) == (row["model"], row["seed"])
        assert options.negative_prompt == (row.get("negative_prompt") or "")
    with_one = {name for name in before if name.endswith("a negative prompt")}
    assert {name for name, options in asked.items() if options.negative_prompt} == with_one


@pytest.mark.parametrize("dump", DUMPS, ids=lambda dump: str(dump.stem))
def test_what_today_s_code_cannot_read_is_left_alone_and_named_in_the_log(dump: Path, tmp_path: Path) -> None:
    path = tmp_path / "veobot.db"
    load(dump, path)
    before = {name: parts_of(path, row["id"]) for name, row in named(path).items() if name in UNREADABLE}
    world = resumed(path)

    logged = {entry["request_id"]: str(entry["reason"]) for entry in world.log.named("request.unreadable")}
    assert set(logged) == {parts[0]["id"] for parts in before.values()}
    for name, parts in before.items():
        assert logged[RequestId(int(str(parts[0]["id"])))].startswith(UNREADABLE[name])
        assert parts_of(path, parts[0]["id"]) == parts


def resumed(path: Path) -> World:
    """Start today's code on this database; return its world when all has ended."""

    async def simulate() -> World:
        world = World(path)
        await world.resume()
        return world

    return run(simulate())


def ending(row: Row, world: World) -> Ending:
    """Return what became of a request."""
    request_id = RequestId(int(str(row["id"])))
    return Ending(
        status=Status(str(row["status"])),
        failure=Failure(str(row["failure"])) if row["failure"] else None,
        closure=Closure(str(row["closure"])),
        shown=world.messenger.shown.get(request_id, ()),
        submitted=world.submitted()[request_id],
    )


def operations_of(path: Path) -> dict[tuple[object, object], object]:
    """Return the operations' names by request and attempt."""
    return {(row["request_id"], row["attempt"]): row["operation"] for row in rows(path, "submissions")}
