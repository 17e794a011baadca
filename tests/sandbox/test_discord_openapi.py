"""Everything the simulated Discord says and accepts validates against Discord's own OpenAPI document."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from support.discord_world import Discord, Json, connected, discord_world
from support.gateway_client import GatewayClient
from support.openapi import DOCUMENT_PATH, Recorder, discord_openapi
from veobot.sandbox.discord.ratelimits import RateLimits

VEO: Json = {
    "name": "veo",
    "description": "Make a video",
    "options": [
        {"type": 3, "name": "prompt", "description": "What to show", "required": True, "max_length": 4000},
        {
            "type": 4,
            "name": "duration",
            "description": "Seconds",
            "choices": [{"name": "4 s", "value": 4}, {"name": "8 s", "value": 8}],
        },
        {"type": 5, "name": "sound", "description": "With sound"},
        {"type": 10, "name": "strength", "description": "How much", "min_value": 0.5, "max_value": 2},
        {"type": 6, "name": "for", "description": "For whom"},
        {"type": 7, "name": "where", "description": "In which channel"},
        {"type": 11, "name": "image", "description": "First frame"},
    ],
}
BUTTONS: list[Json] = [
    {
        "type": 1,
        "components": [
            {"type": 2, "style": 1, "label": "Again", "custom_id": "again"},
            {"type": 2, "style": 4, "label": "Cancel", "custom_id": "cancel", "disabled": True},
            {"type": 2, "style": 5, "label": "Open", "url": "https://example.org/video"},
        ],
    },
    {
        "type": 1,
        "components": [
            {
                "type": 3,
                "custom_id": "style",
                "placeholder": "Style",
                "options": [{"label": "Noir", "value": "noir"}, {"label": "Anime", "value": "anime"}],
            }
        ],
    },
]
EMBED: Json = {
    "title": "A fox",
    "description": "in the snow",
    "url": "https://example.org",
    "color": 0x336699,
    "timestamp": "2026-11-24T10:00:00+00:00",
    "fields": [{"name": "Seed", "value": "48213", "inline": True}],
    "footer": {"text": "Veo 3.1 Fast", "icon_url": "https://example.org/icon.png"},
    "author": {"name": "Mira"},
    "image": {"url": "attachment://fox.png"},
}
LAYOUT: list[Json] = [
    {
        "type": 17,
        "accent_color": 0x336699,
        "components": [
            {"type": 10, "content": "# A fox"},
            {"type": 14},
            {
                "type": 9,
                "components": [{"type": 10, "content": "in the snow"}],
                "accessory": {"type": 2, "style": 2, "label": "Again", "custom_id": "again"},
            },
            {"type": 12, "items": [{"media": {"url": "https://example.org/fox.png"}}]},
        ],
    }
]
MODAL: Json = {
    "custom_id": "edit",
    "title": "Edit the prompt",
    "components": [
        {
            "type": 1,
            "components": [
                {"type": 4, "custom_id": "prompt", "style": 2, "label": "Prompt", "value": "a fox"}
            ],
        }
    ],
}


@pytest.fixture
async def recorded(tmp_path: Path) -> AsyncIterator[tuple[Discord, Recorder]]:
    """A world without rate limits, whose every request and answer is checked."""
    async with recorded_world(tmp_path, RateLimits(enforced=False)) as recorded:
        yield recorded


@asynccontextmanager
async def recorded_world(directory: Path, limits: RateLimits) -> AsyncIterator[tuple[Discord, Recorder]]:
    document = discord_openapi()
    if document is None:
        pytest.skip(f"Discord's OpenAPI document is not at {DOCUMENT_PATH}; set VEOBOT_DISCORD_OPENAPI.")
    recorder = Recorder(document)
    async with discord_world(directory, limits=limits, middlewares=(recorder.middleware,)) as discord:
        yield discord, recorder


def upload(payload: object, *files: bytes) -> aiohttp.FormData:
    """Return a multipart body as Discord's clients send it."""
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("payload_json", json.dumps(payload), content_type="application/json")
    for number, content in enumerate(files):
        form.add_field(f"files[{number}]", content, filename=f"fox {number}.png", content_type="image/png")
    return form


async def walk_application(discord: Discord) -> None:
    world = discord.world
    for path in ("/gateway", "/gateway/bot", "/applications/@me", "/oauth2/applications/@me"):
        await discord.call("GET", path)
    for scope in ("", f"/guilds/{world.guild_id}"):
        base = f"/applications/{world.application_id}{scope}/commands"
        created = await discord.call("POST", base, VEO)
        one = f"{base}/{created.json['id']}"
        await discord.call("POST", base, VEO)
        await discord.call("PATCH", one, {"description": "Make another video"})
        await discord.call("GET", one)
        await discord.call("DELETE", one)
        await discord.call("GET", one)
        await discord.call("PUT", base, [VEO, {"type": 3, "name": "Animate"}])
        await discord.call("GET", base)
        await discord.call("PUT", base, [{**VEO, "name": "Not A Name"}])


async def walk_guild(discord: Discord) -> None:
    guild, mira = discord.world.guild_id, discord.world.member_ids["mira"]
    for path in (
        "/users/@me",
        "/users/@me/guilds",
        f"/users/{mira}",
        "/users/1",
        f"/guilds/{guild}",
        f"/guilds/{guild}?with_counts=true",
        f"/guilds/{guild}/channels",
        f"/guilds/{guild}/members/{mira}",
        f"/guilds/{guild}/members/1",
        "/guilds/1",
        "/guilds/x",
    ):
        await discord.call("GET", path)
    private = await discord.call("POST", "/users/@me/channels", {"recipient_id": mira})
    dm = f"/channels/{private.json['id']}"
    await discord.call("GET", dm)
    await discord.call("POST", f"{dm}/messages", {"content": "Your video is ready."})


async def walk_channel(discord: Discord) -> None:
    world = discord.world
    lab, thread = f"/channels/{discord.lab}", f"/channels/{world.channel_ids['storyboards']}"
    mira = world.member_ids["mira"]
    human = world.human_message(member="mira", channel="video-lab", content="Hello everybody")
    await discord.call("GET", lab)
    await discord.call("GET", thread)
    await discord.call("POST", f"{lab}/typing", {})
    body = {
        "content": f"Hello <@{mira}>",
        "embeds": [EMBED],
        "components": BUTTONS,
        "nonce": "req-1442087312345678901",
        "enforce_nonce": True,
        "allowed_mentions": {"parse": [], "users": [int(mira)], "replied_user": False},
        "message_reference": {"message_id": human, "fail_if_not_exists": False},
        "attachments": [{"id": 0, "description": "AI-generated video: a fox"}],
    }
    created = await discord.call("POST", f"{lab}/messages", data=upload(body, b"png"))
    message = f"{lab}/messages/{created.json['id']}"
    await discord.call("POST", f"{lab}/messages", {"flags": 1 << 15, "components": LAYOUT})
    await discord.call("POST", f"{thread}/messages", {"content": "Scene one"})
    await discord.call("GET", message)
    await discord.call("GET", f"{lab}/messages?limit=10")
    edit = {"content": "Edited", "embeds": [], "attachments": []}
    await discord.call("PATCH", message, data=upload(edit, b"one", b"two"))
    await discord.call("PATCH", f"{lab}/messages/{human}", {"content": "not mine"})
    await discord.call("DELETE", message)
    await discord.call("DELETE", f"{lab}/messages/{human}")
    await discord.call("GET", message)
    await discord.call("GET", f"{lab}/messages/x")
    await discord.call("POST", f"{lab}/messages", {"content": "x" * 2001})
    await discord.call("GET", lab, token="Bot wrong")
    world.change_channel("video-lab", allow=["MANAGE_CHANNELS"])
    world.change_channel("storyboards", allow=["MANAGE_THREADS"])
    await discord.call("PATCH", lab, {"topic": "Videos"})
    await discord.call("PATCH", thread, {"archived": True, "locked": True})
    await discord.call("PATCH", thread, {"name": "Still archived"})
    await discord.call("PATCH", thread, {"archived": False})
    await discord.call("DELETE", thread)
    await discord.call("DELETE", lab)


async def walk_interactions(discord: Discord) -> None:
    world = discord.world
    app = world.application_id
    await discord.call("PUT", f"/applications/{app}/commands", [VEO])
    async with connected(discord) as gateway:
        for kind in (4, 5, 9):
            await world.send_command(member="aiko", channel="general", options={"prompt": "a fox"})
            command = await gateway.event("INTERACTION_CREATE")
            callback = f"/interactions/{command['id']}/{command['token']}/callback"
            webhook = f"/webhooks/{app}/{command['token']}"
            data: Json = MODAL if kind == 9 else {"content": "Hello", "components": BUTTONS}
            await discord.call("GET", f"{webhook}/messages/@original")
            await discord.call("POST", f"{callback}?with_response=true", {"type": kind, "data": data})
            await discord.call("POST", callback, {"type": 5})
            if kind == 9:
                await world.submit_modal(interaction_id=command["id"], values={"prompt": "two foxes"})
                modal = await gateway.event("INTERACTION_CREATE")
                callback = f"/interactions/{modal['id']}/{modal['token']}/callback"
                await discord.call(
                    "POST", f"{callback}?with_response=true", {"type": 5, "data": {"flags": 64}}
                )
                continue
            original = await discord.call("GET", f"{webhook}/messages/@original")
            one = f"{webhook}/messages/{original.json['id']}"
            edit = {"content": "Done", "components": BUTTONS, "attachments": [{"id": 0}]}
            await discord.call("PATCH", f"{webhook}/messages/@original", data=upload(edit, b"mp4"))
            await discord.call("PATCH", one, {"content": "Done!", "allowed_mentions": {"parse": []}})
            await discord.call("GET", one)
            await walk_follow_ups(discord, webhook)
            await walk_buttons(discord, gateway, str(original.json["id"]))
            await discord.call("GET", f"/channels/{world.channel_ids['general']}/messages")
            await discord.call("DELETE", f"{webhook}/messages/@original")
            await discord.call("GET", one)
    await discord.call("POST", "/interactions/1/nonsense/callback", {"type": 5})
    await discord.call("GET", f"/webhooks/{app}/nonsense/messages/@original")
    await discord.call("GET", "/webhooks/1/nonsense/messages/@original")


async def walk_follow_ups(discord: Discord, webhook: str) -> None:
    follow_up = await discord.call("POST", webhook, {"content": "And more", "flags": 64})
    one = f"{webhook}/messages/{follow_up.json['id']}"
    await discord.call("PATCH", one, {"content": "And much more"})
    await discord.call("DELETE", one)


async def walk_buttons(discord: Discord, gateway: GatewayClient, message_id: str) -> None:
    for kind in (4, 5, 6, 7):
        await discord.world.press_button(member="lea", message_id=message_id, custom_id="again")
        press = await gateway.event("INTERACTION_CREATE")
        callback = f"/interactions/{press['id']}/{press['token']}/callback?with_response=true"
        body: Json = {"type": kind, "data": {"content": "Pressed", "components": BUTTONS}}
        await discord.call("POST", callback, body)


async def test_every_answer_and_every_accepted_request_fits_the_document(
    recorded: tuple[Discord, Recorder],
) -> None:
    discord, recorder = recorded
    await walk_application(discord)
    await walk_guild(discord)
    await walk_interactions(discord)
    await walk_channel(discord)

    assert not recorder.violations, "\n".join(sorted(set(recorder.violations)))
    answered = {name for name, status in recorder.seen if status < 300}
    routes = {route.kwargs["name"] for route in discord.world.routes() if "/api/v10" in route.path}
    assert answered == routes


async def test_a_refusal_for_too_many_requests_fits_the_document(tmp_path: Path) -> None:
    async with recorded_world(tmp_path, RateLimits()) as (discord, recorder):
        path = f"/channels/{discord.lab}/messages"
        statuses = [(await discord.call("POST", path, {"content": "again"})).status for _ in range(6)]
        assert statuses == [200] * 5 + [429]
        assert not recorder.violations, "\n".join(recorder.violations)


def test_the_document_does_find_fault() -> None:
    document = discord_openapi()
    if document is None:
        pytest.skip(f"Discord's OpenAPI document is not at {DOCUMENT_PATH}; set VEOBOT_DISCORD_OPENAPI.")
    schema = ("components", "schemas", "MessageResponse")
    assert document.complaints({"id": 5}, *schema)
    assert document.complaints({}, "components", "schemas", "NoSuchThing")
