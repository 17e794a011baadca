"""Channel messages: permissions, threads, files, mentions, nonces, history."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from support.discord_world import Discord, Json, discord_world
from support.gateway_client import Answered
from veobot.sandbox.discord import WorldError
from veobot.sandbox.discord.ratelimits import RateLimits
from veobot.sandbox.ledger import JsonValue


@pytest.fixture
async def discord(tmp_path: Path) -> AsyncIterator[Discord]:
    async with discord_world(tmp_path, limits=RateLimits(enforced=False)) as world:
        yield world


def upload(payload: Json, *files: tuple[str, bytes]) -> aiohttp.FormData:
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("payload_json", json.dumps(payload), content_type="application/json")
    for number, (filename, content) in enumerate(files):
        form.add_field(f"files[{number}]", content, filename=filename)
    return form


async def post(
    discord: Discord, body: Json, channel: str | None = None, *files: tuple[str, bytes]
) -> Answered:
    """Post a message that must be taken, and return it."""
    path = f"/channels/{channel or discord.lab}/messages"
    reply = await discord.call(
        "POST", path, None if files else body, data=upload(body, *files) if files else None
    )
    assert reply.status == 200, reply.body
    return reply.json


def names(message: Answered) -> list[str]:
    return [file["filename"] for file in message["attachments"]]


@pytest.mark.parametrize(
    ("missing", "body", "code"),
    [
        ("VIEW_CHANNEL", {"content": "x"}, 50001),
        ("SEND_MESSAGES", {"content": "x"}, 50013),
        ("EMBED_LINKS", {"embeds": [{"title": "x"}]}, 50013),
        ("READ_MESSAGE_HISTORY", {"content": "x", "message_reference": {"message_id": "{human}"}}, 160002),
    ],
)
async def test_a_missing_permission_refuses_the_send(
    discord: Discord, missing: str, body: Json, code: int
) -> None:
    human = discord.world.human_message(member="mira", channel="video-lab", content="hello")
    discord.world.change_channel("video-lab", deny=[missing])
    body = json.loads(json.dumps(body).replace("{human}", human))
    reply = await discord.call("POST", f"/channels/{discord.lab}/messages", body)
    assert (reply.status, reply.code) == (403, code)
    discord.world.change_channel("video-lab", allow=[missing])
    await post(discord, body)


async def test_a_file_needs_the_permission_to_attach(discord: Discord) -> None:
    discord.world.change_channel("video-lab", deny=["ATTACH_FILES"])
    path = f"/channels/{discord.lab}/messages"
    reply = await discord.call("POST", path, data=upload({}, ("fox.mp4", b"mp4")))
    assert (reply.status, reply.code) == (403, 50013)


async def test_without_the_history_permission_the_history_is_empty(discord: Discord) -> None:
    await post(discord, {"content": "x"})
    discord.world.change_channel("video-lab", deny=["READ_MESSAGE_HISTORY"])
    assert (await discord.call("GET", f"/channels/{discord.lab}/messages")).body == []


async def test_a_thread_has_a_permission_of_its_own_and_its_parents_overwrites(discord: Discord) -> None:
    thread = discord.world.channel_ids["storyboards"]
    discord.world.change_channel("video-lab", deny=["SEND_MESSAGES"])
    await post(discord, {"content": "still fine"}, thread)
    discord.world.change_channel("video-lab", deny=["SEND_MESSAGES_IN_THREADS"])
    reply = await discord.call("POST", f"/channels/{thread}/messages", {"content": "x"})
    assert reply.code == 50013


async def test_sending_wakes_an_archived_thread_but_editing_does_not(discord: Discord) -> None:
    thread = discord.world.channel_ids["storyboards"]
    message = await post(discord, {"content": "x"}, thread)
    discord.world.change_channel("storyboards", archived=True)
    edited = await discord.call("PATCH", f"/channels/{thread}/messages/{message['id']}", {"content": "y"})
    assert (edited.status, edited.code) == (400, 50083)
    await post(discord, {"content": "wake up"}, thread)
    metadata = (await discord.call("GET", f"/channels/{thread}")).json["thread_metadata"]
    assert metadata["archived"] is False


async def test_who_may_write_may_reopen_a_thread_and_change_nothing_else(discord: Discord) -> None:
    thread = f"/channels/{discord.world.channel_ids['storyboards']}"
    message = await post(discord, {"content": "x"}, thread.removeprefix("/channels/"))
    discord.world.change_channel("storyboards", archived=True)
    more = await discord.call("PATCH", thread, {"archived": False, "name": "other"})
    assert (more.status, more.code) == (403, 50013)
    for _ in range(2):
        reopened = await discord.call("PATCH", thread, {"archived": False})
        assert (reopened.status, reopened.json["thread_metadata"]["archived"]) == (200, False)
    edited = await discord.call("PATCH", f"{thread}/messages/{message['id']}", {"content": "y"})
    assert edited.status == 200


async def test_only_moderators_reopen_a_locked_thread_and_change_it_once_it_is_open(discord: Discord) -> None:
    thread = f"/channels/{discord.world.channel_ids['storyboards']}"
    discord.world.change_channel("storyboards", archived=True, locked=True)
    assert (await discord.call("PATCH", thread, {"archived": False})).code == 50013
    discord.world.change_channel("storyboards", allow=["MANAGE_THREADS"])
    assert (await discord.call("PATCH", thread, {"name": "other"})).code == 50083
    assert (await discord.call("PATCH", thread, {"archived": False, "name": "other"})).status == 200


@pytest.mark.parametrize(("archived", "code"), [(True, 50083), (False, 160005)])
async def test_a_locked_thread_takes_nothing(discord: Discord, archived: bool, code: int) -> None:
    discord.world.change_channel("storyboards", archived=archived, locked=True)
    thread = discord.world.channel_ids["storyboards"]
    reply = await discord.call("POST", f"/channels/{thread}/messages", {"content": "x"})
    assert reply.code == code


async def test_a_deleted_channel_takes_its_threads_and_files_along(discord: Discord, tmp_path: Path) -> None:
    thread = discord.world.channel_ids["storyboards"]
    message = await post(discord, {}, None, ("fox.mp4", b"mp4"))
    attachments = message["attachments"]
    discord.world.delete_channel("video-lab")
    for path in (f"/channels/{thread}", f"/channels/{discord.world.guild_id}"):
        assert (await discord.call("GET", path)).code == 10003
    async with discord.session.get(attachments[0]["url"]) as response:
        assert response.status == 404
    assert list((tmp_path / "attachments").iterdir()) == []


async def test_a_file_comes_back_as_it_was_and_in_ranges(discord: Discord) -> None:
    content = bytes(range(256)) * 4096
    body: Json = {"attachments": [{"id": 0, "description": "AI-generated video: a fox"}]}
    message = await post(discord, body, None, ("my fox.mp4", content))
    (file,) = message["attachments"]
    assert (file["filename"], file["size"]) == ("my_fox.mp4", len(content))
    assert file["content_type"] == "video/mp4"
    assert file["description"] == "AI-generated video: a fox"
    async with discord.session.get(str(file["url"])) as response:
        assert response.headers["Content-Type"] == "video/mp4"
        assert await response.read() == content
    async with discord.session.get(str(file["url"]), headers={"Range": "bytes=10-19"}) as response:
        assert (response.status, await response.read()) == (206, content[10:20])


async def test_an_edit_keeps_replaces_or_adds_files_as_it_says(discord: Discord, tmp_path: Path) -> None:
    message = await post(discord, {"content": "x"}, None, ("a.mp4", b"a"), ("b.mp4", b"b"))
    path = f"/channels/{discord.lab}/messages/{message['id']}"

    async def edit(body: Json, *files: tuple[str, bytes]) -> list[str]:
        reply = await discord.call("PATCH", path, data=upload(body, *files))
        assert reply.status == 200, reply.body
        return names(reply.json)

    assert await edit({"content": "y"}) == ["a.mp4", "b.mp4"]
    assert await edit({}, ("c.mp4", b"c")) == ["a.mp4", "b.mp4", "c.mp4"]
    first = message["attachments"][0]["id"]
    assert await edit({"attachments": [{"id": first}]}, ("d.mp4", b"d")) == ["a.mp4", "d.mp4"]
    assert await edit({"attachments": [{"id": 0}]}, ("e.mp4", b"e")) == ["e.mp4"]
    assert await edit({"attachments": []}) == []
    assert list((tmp_path / "attachments").iterdir()) == []


async def test_a_kept_file_can_get_another_description(discord: Discord) -> None:
    message = await post(discord, {}, None, ("a.mp4", b"a"))
    (file,) = message["attachments"]
    path = f"/channels/{discord.lab}/messages/{message['id']}"
    body: Json = {"content": "x", "attachments": [{"id": file["id"], "description": "a fox"}]}
    (kept,) = (await discord.call("PATCH", path, body)).json["attachments"]
    assert (kept["id"], kept["description"]) == (file["id"], "a fox")
    async with discord.session.get(kept["url"]) as response:
        assert await response.read() == b"a"


async def test_two_files_of_a_name_are_two_files(discord: Discord) -> None:
    assert names(await post(discord, {}, None, ("a.mp4", b"1"), ("a.mp4", b"2"))) == ["a.mp4", "a.mp4"]


async def test_an_embed_can_show_an_attached_picture(discord: Discord) -> None:
    body: Json = {"embeds": [{"image": {"url": "attachment://fox.png"}}]}
    message = await post(discord, body, None, ("fox.png", b"png"))
    embeds, attachments = message["embeds"], message["attachments"]
    assert embeds[0]["image"]["url"] == attachments[0]["url"]


async def test_an_edit_cannot_leave_nothing(discord: Discord) -> None:
    message = await post(discord, {"content": "x"})
    path = f"/channels/{discord.lab}/messages/{message['id']}"
    assert (await discord.call("PATCH", path, {"content": ""})).code == 50006
    assert (await discord.call("GET", path)).json["content"] == "x"


@pytest.mark.parametrize(
    ("allowed", "pinged"),
    [
        (None, ["mira", "jonas"]),
        ({"parse": []}, []),
        ({"parse": ["users"]}, ["mira", "jonas"]),
        ({"users": ["{jonas}"]}, ["jonas"]),
        ({"users": ["{aiko}"]}, []),
        ({"parse": ["everyone"]}, []),
    ],
)
async def test_only_allowed_mentions_ping(discord: Discord, allowed: Json | None, pinged: list[str]) -> None:
    ids = discord.world.member_ids
    body: dict[str, JsonValue] = {
        "content": f"<@{ids['mira']}> and <@!{ids['jonas']}> but not `<@{ids['aiko']}>`"
    }
    if allowed is not None:
        text = json.dumps(allowed).replace("{jonas}", ids["jonas"]).replace("{aiko}", ids["aiko"])
        body["allowed_mentions"] = json.loads(text)
    message = await post(discord, body)
    (entry,) = discord.kinds("message")
    assert entry.fields["mentions"] == [ids[name] for name in pinged]
    mentions = message["mentions"]
    assert [user["id"] for user in mentions] == [ids[name] for name in pinged]
    await discord.call(
        "PATCH", f"/channels/{discord.lab}/messages/{message['id']}", {"content": body["content"]}
    )
    assert discord.kinds("edit")[0].fields["mentions"] == []


@pytest.mark.parametrize(
    ("allowed", "pinged"),
    [(None, True), ({"parse": []}, False), ({"replied_user": True}, True), ({"replied_user": False}, False)],
)
async def test_a_reply_pings_its_author_if_it_may(
    discord: Discord, allowed: Json | None, pinged: bool
) -> None:
    human = discord.world.human_message(member="mira", channel="video-lab", content="hello")
    body: dict[str, JsonValue] = {"content": "hi", "message_reference": {"message_id": human}}
    message = await post(discord, body | ({"allowed_mentions": allowed} if allowed else {}))
    assert message["type"] == 19
    mentions = discord.kinds("message")[-1].fields["mentions"]
    assert mentions == ([discord.world.member_ids["mira"]] if pinged else [])


async def test_everyone_is_not_the_bots_to_call(discord: Discord) -> None:
    assert (await post(discord, {"content": "@everyone look"}))["mention_everyone"] is False
    discord.world.change_channel("video-lab", allow=["MENTION_EVERYONE"])
    assert (await post(discord, {"content": "@everyone look"}))["mention_everyone"] is True


async def test_a_reply_to_a_deleted_message_becomes_a_plain_one_if_it_may(discord: Discord) -> None:
    human = discord.world.human_message(member="mira", channel="video-lab", content="hello")
    discord.world.delete_message(human)
    reference: Json = {"message_id": human, "fail_if_not_exists": False}
    message = await post(discord, {"content": "hi", "message_reference": reference})
    assert message["type"] == 0
    assert "message_reference" not in message


async def test_a_nonce_is_unique_for_a_few_minutes_if_that_is_asked_for(discord: Discord) -> None:
    body: Json = {"content": "x", "nonce": "request-1", "enforce_nonce": True}
    first, second = await post(discord, body), await post(discord, body)
    assert first["id"] == second["id"]
    assert second["nonce"] == "request-1"
    assert len(discord.kinds("message")) == 1
    free = await post(discord, {"content": "x", "nonce": "request-1"})
    assert free["id"] != first["id"]
    history = (await discord.call("GET", f"/channels/{discord.lab}/messages")).list
    assert all("nonce" not in message for message in history)
    discord.clock.jump(5 * 60)
    assert (await post(discord, body))["id"] not in (first["id"], free["id"])


async def test_the_history_pages_before_after_and_around(discord: Discord) -> None:
    ids = [(await post(discord, {"content": str(number)}))["id"] for number in range(10)]

    async def page(query: str) -> list[int]:
        body = (await discord.call("GET", f"/channels/{discord.lab}/messages?{query}")).list
        return [ids.index(message["id"]) for message in body]

    assert await page("limit=3") == [9, 8, 7]
    assert await page(f"limit=3&before={ids[7]}") == [6, 5, 4]
    assert await page(f"limit=3&after={ids[1]}") == [4, 3, 2]
    assert await page(f"limit=4&around={ids[5]}") == [6, 5, 4, 3]
    assert await page(f"limit=1&around={ids[5]}") == [5]
    assert await page("") == list(range(9, -1, -1))


async def test_an_old_message_can_not_be_edited_for_ever(discord: Discord) -> None:
    message = await post(discord, {"content": "x"})
    path = f"/channels/{discord.lab}/messages/{message['id']}"
    discord.clock.jump(3601)
    replies = [await discord.call("PATCH", path, {"content": str(number)}) for number in range(31)]
    assert {reply.status for reply in replies[:-1]} == {200}
    assert (replies[-1].status, replies[-1].code) == (429, 30046)
    assert replies[-1].headers["Via"]


async def test_without_the_bot_the_guild_is_closed_to_it(discord: Discord) -> None:
    discord.world.change_guild(bot_present=False)
    for path in (f"/guilds/{discord.world.guild_id}", f"/channels/{discord.lab}"):
        reply = await discord.call("GET", path)
        assert (reply.status, reply.code) == (403, 50001)
    assert (await discord.call("GET", "/users/@me/guilds")).body == []


async def test_the_date_of_every_answer_is_the_sandboxes(discord: Discord) -> None:
    discord.clock.jump(86400)
    reply = await discord.call("GET", "/users/@me")
    assert reply.headers["Date"] == discord.clock.http_date()


async def test_names_find_members_and_channels(discord: Discord) -> None:
    world = discord.world
    for member in ("tomás", "tomas", "Tomás", world.member_ids["tomás"]):
        world.human_message(member=member, channel="#general", content="hola")
    assert len(world.visible_messages("general", "nina")) == 4
    with pytest.raises(WorldError, match="There is no member bob"):
        world.human_message(member="bob", channel="general", content="x")
    with pytest.raises(WorldError, match="There is no channel cellar"):
        world.human_message(member="mira", channel="cellar", content="x")
