"""What Discord refuses, the simulated one refuses with the same status, code and words."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from support.discord_world import Discord, Json, connected, discord_world
from veobot.sandbox.discord.ratelimits import RateLimits
from veobot.sandbox.ledger import JsonValue

VEO: Json = {
    "name": "veo",
    "description": "Make a video",
    "options": [{"type": 3, "name": "prompt", "description": "What to show", "required": True}],
}


@dataclass(frozen=True)
class Refusal:
    """A request and the refusal it deserves. In texts, {lab}, {app}, {guild}, {token} … stand for ids."""

    sentence: str
    method: str
    path: str
    body: JsonValue
    status: int
    code: int
    field: str = ""
    word: str = ""


def button(custom_id: str, **more: JsonValue) -> Json:
    return {"type": 2, "style": 1, "label": "Again", "custom_id": custom_id, **more}


def row(*components: Json) -> Json:
    return {"type": 1, "components": list(components)}


def option(name: str, **more: JsonValue) -> Json:
    return {"type": 3, "name": name, "description": "text", **more}


def message(sentence: str, body: JsonValue, field: str, word: str, code: int = 50035) -> Refusal:
    return Refusal(sentence, "POST", "/channels/{lab}/messages", body, 400, code, field, word)


def command(sentence: str, body: Json, field: str, word: str) -> Refusal:
    path = "/applications/{app}/commands"
    return Refusal(sentence, "POST", path, {**VEO, **body}, 400, 50035, field, word)


REFUSALS = [
    message("content over 2,000 characters", {"content": "x" * 2001}, "content", "BASE_TYPE_MAX_LENGTH"),
    message("content that is no text", {"content": ["x"]}, "content", "STRING_TYPE_CONVERT"),
    message(
        "a nonce over 25 characters", {"content": "x", "nonce": "n" * 26}, "nonce", "BASE_TYPE_MAX_LENGTH"
    ),
    message("an empty message", {"content": ""}, "", "", 50006),
    message("a message with an empty embed only", {"embeds": [{}]}, "", "", 50006),
    message("eleven embeds", {"embeds": [{"title": "x"}] * 11}, "embeds", "BASE_TYPE_MAX_LENGTH"),
    message("a long title", {"embeds": [{"title": "x" * 257}]}, "embeds.0.title", "BASE_TYPE_MAX_LENGTH"),
    message(
        "a long description",
        {"embeds": [{"description": "x" * 4097}]},
        "embeds.0.description",
        "BASE_TYPE_MAX_LENGTH",
    ),
    message(
        "26 fields",
        {"embeds": [{"fields": [{"name": "a", "value": "b"}] * 26}]},
        "embeds.0.fields",
        "BASE_TYPE_MAX_LENGTH",
    ),
    message(
        "a field without value",
        {"embeds": [{"fields": [{"name": "a"}]}]},
        "embeds.0.fields.0.value",
        "BASE_TYPE_REQUIRED",
    ),
    message(
        "a long footer",
        {"embeds": [{"footer": {"text": "x" * 2049}}]},
        "embeds.0.footer.text",
        "BASE_TYPE_BAD_LENGTH",
    ),
    message("a colour too high", {"embeds": [{"color": 1 << 24}]}, "embeds.0.color", "NUMBER_TYPE_MAX"),
    message(
        "an address that is none",
        {"embeds": [{"title": "x", "url": "ftp://x"}]},
        "embeds.0.url",
        "URL_TYPE_INVALID_SCHEME",
    ),
    message(
        "embeds over 6,000 characters together",
        {"embeds": [{"description": "x" * 3001}] * 2},
        "embeds",
        "MAX_EMBED_SIZE_EXCEEDED",
    ),
    message(
        "six rows",
        {"components": [row(button(str(i))) for i in range(6)]},
        "components",
        "BASE_TYPE_MAX_LENGTH",
    ),
    message(
        "six buttons in a row",
        {"components": [row(*(button(str(i)) for i in range(6)))]},
        "components.0.components",
        "BASE_TYPE_BAD_LENGTH",
    ),
    message(
        "a button outside a row", {"components": [button("a")]}, "components.0.type", "BASE_TYPE_CHOICES"
    ),
    message(
        "two components of the same id",
        {"components": [row(button("a"), button("a"))]},
        "components.0.components.1.custom_id",
        "COMPONENT_CUSTOM_ID_DUPLICATED",
    ),
    message(
        "a custom id over 100 characters",
        {"components": [row(button("x" * 101))]},
        "components.0.components.0.custom_id",
        "BASE_TYPE_BAD_LENGTH",
    ),
    message(
        "a label over 80 characters",
        {"components": [row(button("a", label="x" * 81))]},
        "components.0.components.0.label",
        "BASE_TYPE_MAX_LENGTH",
    ),
    message(
        "a link with a custom id",
        {"components": [row(button("a", style=5, url="https://example.org"))]},
        "components.0.components.0.custom_id",
        "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE",
    ),
    message(
        "text beside version-2 components",
        {"content": "x", "flags": 1 << 15, "components": [{"type": 10, "content": "x"}]},
        "content",
        "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
    ),
    message(
        "users both parsed and listed",
        {"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}},
        "allowed_mentions",
        "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
    ),
    message(
        "a mention kind that does not exist",
        {"content": "x", "allowed_mentions": {"parse": ["friends"]}},
        "allowed_mentions.parse.0",
        "BASE_TYPE_CHOICES",
    ),
    message(
        "an attachment that was not sent",
        {"content": "x", "attachments": [{"id": 0}]},
        "attachments.0.id",
        "ATTACHMENT_NOT_FOUND",
    ),
    message(
        "a description over 1,024 characters",
        {"content": "x", "attachments": [{"id": 0, "description": "x" * 1025}]},
        "attachments.0.description",
        "BASE_TYPE_MAX_LENGTH",
    ),
    message(
        "a reply to nothing",
        {"content": "x", "message_reference": {"message_id": "1"}},
        "message_reference",
        "REPLIES_UNKNOWN_MESSAGE",
    ),
    message(
        "a reply to no id",
        {"content": "x", "message_reference": {"message_id": "one"}},
        "message_reference.message_id",
        "NUMBER_TYPE_COERCE",
    ),
    command("a command in capitals", {"name": "Veo"}, "name", "APPLICATION_COMMAND_INVALID_NAME"),
    command("a command with a space", {"name": "veo make"}, "name", "APPLICATION_COMMAND_INVALID_NAME"),
    command("a command without description", {"description": None}, "description", "BASE_TYPE_REQUIRED"),
    command("a long description", {"description": "x" * 101}, "description", "BASE_TYPE_BAD_LENGTH"),
    command(
        "26 options", {"options": [option(f"o{i}") for i in range(26)]}, "options", "BASE_TYPE_MAX_LENGTH"
    ),
    command(
        "an option in capitals",
        {"options": [option("Prompt")]},
        "options.0.name",
        "APPLICATION_COMMAND_INVALID_NAME",
    ),
    command(
        "two options of a name",
        {"options": [option("a"), option("a")]},
        "options.1.name",
        "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS",
    ),
    command(
        "a required option after an optional one",
        {"options": [option("a"), option("b", required=True)]},
        "options.1",
        "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
    ),
    command(
        "26 choices",
        {"options": [option("a", choices=[{"name": str(i), "value": str(i)} for i in range(26)])]},
        "options.0.choices",
        "BASE_TYPE_MAX_LENGTH",
    ),
    command(
        "a choice without value",
        {"options": [option("a", choices=[{"name": "x"}])]},
        "options.0.choices.0.value",
        "BASE_TYPE_REQUIRED",
    ),
    command(
        "an option type that does not exist",
        {"options": [option("a", type=99)]},
        "options.0.type",
        "BASE_TYPE_CHOICES",
    ),
    command(
        "a subcommand within a subcommand",
        {"options": [option("a", type=1, options=[option("b", type=1)])]},
        "options.0.options.0.type",
        "BASE_TYPE_CHOICES",
    ),
    Refusal(
        "two commands of a name",
        "PUT",
        "/applications/{app}/commands",
        [VEO, VEO],
        400,
        50035,
        "1.name",
        "APPLICATION_COMMANDS_DUPLICATE_NAME",
    ),
    Refusal("an unknown command", "GET", "/applications/{app}/commands/1", None, 404, 10063),
    Refusal("another's application", "GET", "/applications/1/commands", None, 404, 10002),
    Refusal("another guild's commands", "GET", "/applications/{app}/guilds/1/commands", None, 403, 50001),
    Refusal("an unknown channel", "GET", "/channels/1", None, 404, 10003),
    Refusal(
        "a channel id that is none",
        "GET",
        "/channels/x",
        None,
        400,
        50035,
        "channel_id",
        "NUMBER_TYPE_COERCE",
    ),
    Refusal("an unknown message", "GET", "/channels/{lab}/messages/1", None, 404, 10008),
    Refusal(
        "editing another's message", "PATCH", "/channels/{lab}/messages/{human}", {"content": "x"}, 403, 50005
    ),
    Refusal("deleting another's message", "DELETE", "/channels/{lab}/messages/{human}", None, 403, 50013),
    Refusal("editing a channel without the right", "PATCH", "/channels/{lab}", {"name": "x"}, 403, 50013),
    Refusal(
        "a history of 101",
        "GET",
        "/channels/{lab}/messages?limit=101",
        None,
        400,
        50035,
        "limit",
        "NUMBER_TYPE_MAX",
    ),
    Refusal("an unknown guild", "GET", "/guilds/1", None, 404, 10004),
    Refusal("an unknown member", "GET", "/guilds/{guild}/members/1", None, 404, 10007),
    Refusal("an unknown user", "GET", "/users/1", None, 404, 10013),
    Refusal(
        "a private channel with nobody",
        "POST",
        "/users/@me/channels",
        {},
        400,
        50035,
        "recipient_id",
        "BASE_TYPE_REQUIRED",
    ),
    Refusal("an unknown interaction", "POST", "/interactions/1/x/callback", {"type": 5}, 404, 10062),
    Refusal(
        "a callback of no type",
        "POST",
        "/interactions/{id}/{token}/callback",
        {},
        400,
        50035,
        "type",
        "BASE_TYPE_REQUIRED",
    ),
    Refusal(
        "an update where there is no message",
        "POST",
        "/interactions/{id}/{token}/callback",
        {"type": 7, "data": {"content": "x"}},
        400,
        50035,
        "type",
        "BASE_TYPE_CHOICES",
    ),
    Refusal(
        "a callback over 2,000 characters",
        "POST",
        "/interactions/{id}/{token}/callback",
        {"type": 4, "data": {"content": "x" * 2001}},
        400,
        50035,
        "data.content",
        "BASE_TYPE_MAX_LENGTH",
    ),
    Refusal(
        "an empty callback",
        "POST",
        "/interactions/{id}/{token}/callback",
        {"type": 4, "data": {}},
        400,
        50006,
    ),
    Refusal(
        "a modal without components",
        "POST",
        "/interactions/{id}/{token}/callback",
        {"type": 9, "data": {"custom_id": "x", "title": "x"}},
        400,
        50035,
        "data.components",
        "BASE_TYPE_REQUIRED",
    ),
    Refusal(
        "a webhook before the callback", "GET", "/webhooks/{app}/{token}/messages/@original", None, 404, 10015
    ),
    Refusal(
        "a follow-up before the callback", "POST", "/webhooks/{app}/{token}", {"content": "x"}, 404, 10015
    ),
    Refusal("a token that is none", "GET", "/webhooks/{app}/nonsense/messages/@original", None, 401, 50027),
    Refusal("an unknown webhook", "GET", "/webhooks/1/{token}/messages/@original", None, 404, 10015),
]


@pytest.fixture
async def discord(tmp_path: Path) -> AsyncIterator[Discord]:
    async with discord_world(tmp_path, limits=RateLimits(enforced=False)) as world:
        yield world


@pytest.mark.parametrize("refusal", REFUSALS, ids=[refusal.sentence for refusal in REFUSALS])
async def test_discord_refuses(discord: Discord, refusal: Refusal) -> None:
    world = discord.world
    human = world.human_message(member="mira", channel="video-lab", content="hello")
    names = {"lab": discord.lab, "app": world.application_id, "guild": world.guild_id, "human": human}
    if "{token}" in refusal.path:
        await discord.call("PUT", f"/applications/{world.application_id}/commands", [VEO])
        async with connected(discord) as gateway:
            await world.send_command(member="mira", options={"prompt": "a fox"})
            interaction = await gateway.event("INTERACTION_CREATE")
            names |= {"id": interaction["id"], "token": interaction["token"]}
            reply = await discord.call(refusal.method, refusal.path.format(**names), refusal.body)
    else:
        reply = await discord.call(refusal.method, refusal.path.format(**names), refusal.body)

    assert (reply.status, reply.code) == (refusal.status, refusal.code), reply.body
    assert reply.headers["Content-Type"] == "application/json"
    if refusal.code == 50035:
        assert reply.json["message"] == "Invalid Form Body"
        found: JsonValue = reply.json["errors"]
        for name in filter(None, refusal.field.split(".")):
            assert isinstance(found, dict)
            assert name in found, reply.body
            found = found[name]
        assert isinstance(found, dict)
        errors = found["_errors"]
        assert isinstance(errors, list)
        assert refusal.word in [error["code"] for error in errors]
        assert all(error["message"] for error in errors)
    (entry,) = discord.kinds("refusal")
    assert (entry.fields["status"], entry.fields["code"]) == (refusal.status, refusal.code)
    assert names.get("token", "never") not in str(entry.fields)
    assert len(discord.kinds("message")) == 1, "a refused request must have no effect"


async def test_without_the_bots_token_nothing_is_answered(discord: Discord) -> None:
    for token in ("", "Bot wrong", f"Bearer {discord.world.bot_token}"):
        reply = await discord.call("GET", "/users/@me", token=token)
        assert (reply.status, reply.code, reply.json["message"]) == (401, 0, "401: Unauthorized")


async def test_a_body_that_is_no_json_is_refused(discord: Discord) -> None:
    path = f"/channels/{discord.lab}/messages"
    for raw in (b"{", b'"text"', b"12"):
        reply = await discord.call("POST", path, data=raw)
        assert (reply.status, reply.code) == (400, 50109)


async def test_unknown_fields_are_ignored(discord: Discord) -> None:
    body: Json = {"content": "hello", "sparkle": True, "embeds": None}
    assert (await discord.call("POST", f"/channels/{discord.lab}/messages", body)).status == 200


async def test_too_many_commands_are_refused(discord: Discord) -> None:
    path = f"/applications/{discord.world.application_id}/commands"
    many = [{**VEO, "name": f"veo{number}"} for number in range(101)]
    reply = await discord.call("PUT", path, many)
    assert (reply.status, reply.code) == (400, 30032)
    assert (await discord.call("PUT", path, many[:100])).status == 200
    assert (await discord.call("POST", path, many[100])).code == 30032
    assert (await discord.call("POST", path, many[7])).status == 200


async def test_a_file_over_the_guilds_limit_is_refused_and_not_kept(discord: Discord, tmp_path: Path) -> None:
    discord.world.change_guild(upload_limit_bytes=1000)
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("payload_json", json.dumps({"content": "too big"}), content_type="application/json")
    form.add_field("files[0]", b"x" * 1001, filename="fox.mp4")
    reply = await discord.call("POST", f"/channels/{discord.lab}/messages", data=form)
    assert (reply.status, reply.code) == (413, 40005)
    assert list((tmp_path / "attachments").iterdir()) == []


async def test_a_channel_takes_five_messages_in_five_seconds(tmp_path: Path) -> None:
    async with discord_world(tmp_path) as discord:
        path = f"/channels/{discord.lab}/messages"
        replies = [await discord.call("POST", path, {"content": str(number)}) for number in range(6)]
        assert [reply.headers["X-RateLimit-Remaining"] for reply in replies] == ["4", "3", "2", "1", "0", "0"]
        refused = replies[-1]
        assert refused.status == 429
        assert refused.json["message"] == "You are being rate limited."
        assert refused.json["global"] is False
        assert refused.headers["X-RateLimit-Scope"] == "user"
        assert refused.headers["Via"]
        retry_after = refused.json["retry_after"]
        assert isinstance(retry_after, float)
        assert 0 < retry_after <= 5
        buckets = {reply.headers["X-RateLimit-Bucket"] for reply in replies}
        assert len(buckets) == 1
        elsewhere = f"/channels/{discord.world.channel_ids['general']}/messages"
        assert (await discord.call("POST", elsewhere, {"content": "fine"})).status == 200


async def test_fifty_requests_a_second_are_the_bots_limit(tmp_path: Path) -> None:
    async with discord_world(tmp_path) as discord:
        paths = [f"/channels/{discord.lab}", f"/guilds/{discord.world.guild_id}"] * 30
        replies = [await discord.call("GET", path) for path in paths]
        refused = [reply for reply in replies if reply.status == 429]
        assert refused
        assert refused[0].json["global"] is True
        assert refused[0].headers["X-RateLimit-Global"] == "true"
        assert refused[0].headers["X-RateLimit-Scope"] == "global"
