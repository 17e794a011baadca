"""Interactions: who may answer them, how, and for how long."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.discord_world import Discord, Json, Reply, connected, discord_world
from support.gateway_client import Answered, GatewayClient
from veobot.sandbox.discord import WorldError
from veobot.sandbox.discord.ratelimits import RateLimits
from veobot.sandbox.ledger import JsonValue

VEO: Json = {
    "name": "veo",
    "description": "Make a video",
    "options": [
        {"type": 3, "name": "prompt", "description": "What", "required": True, "max_length": 20},
        {"type": 4, "name": "seconds", "description": "How long", "choices": [{"name": "4", "value": 4}]},
        {"type": 6, "name": "friend", "description": "For whom"},
        {"type": 5, "name": "sound", "description": "With sound"},
        {"type": 10, "name": "strength", "description": "How much", "min_value": 0, "max_value": 1},
    ],
}
BUTTON: Json = {"type": 1, "components": [{"type": 2, "style": 1, "label": "Again", "custom_id": "again"}]}


class Stopwatch:
    """Real seconds, as the test decides."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Stage:
    """A world with /veo registered, a gateway client that listens, and a stopwatch for real seconds."""

    discord: Discord
    gateway: GatewayClient
    stopwatch: Stopwatch

    async def ask(self, options: Json = {"prompt": "a fox"}, **more: Any) -> Answered:  # noqa: ANN401, B006 - passed on
        """Let mira run /veo, and return the event."""
        await self.discord.world.send_command(member="mira", options=options, **more)
        return await self.gateway.event("INTERACTION_CREATE")

    async def callback(self, event: Answered, kind: int, data: Json | None = None) -> Reply:
        body: dict[str, JsonValue] = {"type": kind} | ({"data": data} if data else {})
        path = f"/interactions/{event['id']}/{event['token']}/callback?with_response=true"
        return await self.discord.call("POST", path, body, token="")

    async def webhook(self, event: Answered, method: str, tail: str, body: JsonValue = None) -> Reply:
        path = f"/webhooks/{self.discord.world.application_id}/{event['token']}{tail}"
        return await self.discord.call(method, path, body, token="")


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    stopwatch = Stopwatch()
    limits = RateLimits(enforced=False)
    async with discord_world(tmp_path, limits=limits, monotonic=stopwatch) as discord:
        path = f"/applications/{discord.world.application_id}/commands"
        assert (await discord.call("PUT", path, [VEO])).status == 200
        async with connected(discord) as gateway:
            yield Stage(discord, gateway, stopwatch)


async def test_the_event_carries_what_bots_need(stage: Stage) -> None:
    ids = stage.discord.world.member_ids
    event = await stage.ask(
        channel="storyboards", options={"prompt": "a fox", "friend": ids["aiko"]}, attachment_size_limit=123
    )
    assert event["type"] == 2
    assert event["version"] == 1
    assert event["application_id"] == stage.discord.world.application_id
    assert event["channel"]["type"] == 11
    assert event["channel"]["parent_id"] == stage.discord.lab
    assert event["member"]["user"]["username"] == "mira"
    assert int(event["member"]["permissions"]) & (1 << 3), "mira owns the guild"
    assert int(event["app_permissions"]) & (1 << 38)
    assert event["data"]["resolved"]["users"][ids["aiko"]]["username"] == "aiko"
    assert event["data"]["options"][0] == {"name": "prompt", "type": 3, "value": "a fox"}
    assert event["attachment_size_limit"] == 123
    assert event["authorizing_integration_owners"] == {"0": stage.discord.world.guild_id}
    (entry,) = stage.discord.kinds("interaction")
    assert (entry.fields["prompt"], entry.fields["user_id"]) == ("a fox", ids["mira"])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "The option prompt of /veo is required."),
        ({"prompt": 5}, "takes a value of type STRING"),
        ({"prompt": "x" * 21}, "must lie between None and 20"),
        ({"prompt": "x", "seconds": 5}, "has no choice 5"),
        ({"prompt": "x", "seconds": True}, "takes a value of type INTEGER"),
        ({"prompt": "x", "sound": 1}, "takes a value of type BOOLEAN"),
        ({"prompt": "x", "strength": 1.5}, "must lie between 0 and 1"),
        ({"prompt": "x", "friend": "aiko"}, "takes a value of type USER"),
        ({"prompt": "x", "colour": "red"}, "has no option colour"),
    ],
)
async def test_discords_client_does_not_send_wrong_options(
    stage: Stage, options: Json, sentence: str
) -> None:
    with pytest.raises(WorldError, match=sentence):
        await stage.discord.world.send_command(member="mira", options=options)
    event = await stage.ask(options=options, unchecked=True)
    assert [option["name"] for option in event["data"]["options"]] == list(options)


async def test_an_unregistered_command_cannot_be_run(stage: Stage) -> None:
    with pytest.raises(WorldError, match="The bot has registered no command /sora"):
        await stage.discord.world.send_command(member="mira", name="sora", options={})


async def test_subcommands_are_reached_by_their_path(stage: Stage) -> None:
    long: Json = {"type": 1, "name": "long", "description": "x", "options": VEO["options"]}
    group: Json = {"type": 2, "name": "make", "description": "x", "options": [long]}
    path = f"/applications/{stage.discord.world.application_id}/commands"
    await stage.discord.call("PUT", path, [{"name": "studio", "description": "x", "options": [group]}])
    event = await stage.ask(name="studio make long")
    (outer,) = event["data"]["options"]
    (inner,) = outer["options"]
    assert (outer["name"], outer["type"], inner["name"], inner["type"]) == ("make", 2, "long", 1)
    assert inner["options"][0]["value"] == "a fox"
    assert stage.discord.kinds("interaction")[0].fields["prompt"] == "a fox"


async def test_three_real_seconds_are_all_there_is(stage: Stage) -> None:
    event = await stage.ask()
    stage.discord.clock.jump(60)
    stage.stopwatch.seconds += 2.9
    assert (await stage.callback(event, 5)).status == 200
    late = await stage.ask()
    stage.stopwatch.seconds += 3.1
    reply = await stage.callback(late, 5)
    assert (reply.status, reply.code) == (404, 10062)
    assert (await stage.webhook(late, "GET", "/messages/@original")).code == 10015


async def test_a_refused_callback_leaves_the_interaction_open(stage: Stage) -> None:
    event = await stage.ask()
    assert (await stage.callback(event, 4, {"content": "x" * 2001})).code == 50035
    assert (await stage.callback(event, 4, {"content": "fine"})).status == 200
    assert (await stage.callback(event, 4, {"content": "again"})).code == 40060
    assert [entry.kind for entry in stage.discord.ledger.entries()].count("acknowledged") == 1


async def test_the_callback_response_names_the_message(stage: Stage) -> None:
    event = await stage.ask()
    body = (await stage.callback(event, 5, {"flags": 64})).json
    interaction, resource = body["interaction"], body["resource"]
    assert interaction["id"] == event["id"]
    assert interaction["response_message_loading"] is True
    assert interaction["response_message_ephemeral"] is True
    assert resource["message"]["id"] == interaction["response_message_id"]
    assert resource["message"]["flags"] == 64 | 128
    assert resource["message"]["interaction_metadata"]["id"] == event["id"]


async def test_without_with_response_a_callback_answers_nothing(stage: Stage) -> None:
    event = await stage.ask()
    path = f"/interactions/{event['id']}/{event['token']}/callback"
    reply = await stage.discord.call("POST", path, {"type": 5}, token="")
    assert (reply.status, reply.body) == (204, None)


async def test_the_token_lives_fifteen_sandbox_minutes(stage: Stage) -> None:
    event = await stage.ask(asked_seconds_ago=60)
    await stage.callback(event, 5)
    stage.discord.clock.jump(14 * 60 - 5)
    assert (await stage.webhook(event, "PATCH", "/messages/@original", {"content": "x"})).status == 200
    stage.discord.clock.jump(5)
    for method, tail in (("GET", "/messages/@original"), ("PATCH", "/messages/@original"), ("POST", "")):
        reply = await stage.webhook(event, method, tail, {"content": "x"})
        assert (reply.status, reply.code) == (401, 50027)


async def test_an_edit_by_token_needs_no_permission_in_the_channel(stage: Stage) -> None:
    event = await stage.ask()
    await stage.callback(event, 5)
    stage.discord.world.change_channel("video-lab", deny=["VIEW_CHANNEL", "SEND_MESSAGES"])
    reply = await stage.webhook(event, "PATCH", "/messages/@original", {"content": "Done"})
    assert reply.status == 200


async def test_an_ephemeral_answer_is_seen_by_its_addressee_and_by_nobody_else(stage: Stage) -> None:
    event = await stage.ask()
    await stage.callback(event, 4, {"content": "psst", "flags": 64, "components": [BUTTON]})
    original = (await stage.webhook(event, "GET", "/messages/@original")).json
    world = stage.discord.world
    assert len(world.visible_messages("video-lab", "mira")) == 1
    assert world.visible_messages("video-lab", "jonas") == []
    messages = f"/channels/{stage.discord.lab}/messages"
    assert (await stage.discord.call("GET", messages)).body == []
    assert (await stage.discord.call("PATCH", f"{messages}/{original['id']}", {"content": "x"})).code == 10008
    with pytest.raises(WorldError, match="somebody else"):
        await world.press_button(member="jonas", message_id=str(original["id"]), custom_id="again")
    await world.press_button(member="mira", message_id=str(original["id"]), custom_id="again")


async def test_the_first_follow_up_after_a_deferral_fills_the_placeholder(stage: Stage) -> None:
    event = await stage.ask()
    await stage.callback(event, 5)
    original = (await stage.webhook(event, "GET", "/messages/@original")).json
    first = (await stage.webhook(event, "POST", "", {"content": "Done"})).json
    second = (await stage.webhook(event, "POST", "", {"content": "And more"})).json
    assert first["id"] == original["id"]
    assert second["id"] != original["id"]
    assert (await stage.webhook(event, "GET", f"/messages/{second['id']}")).status == 200


async def test_a_deleted_placeholder_is_an_unknown_message(stage: Stage) -> None:
    event = await stage.ask()
    await stage.callback(event, 5)
    original = (await stage.webhook(event, "GET", "/messages/@original")).json
    stage.discord.world.delete_message(str(original["id"]))
    for tail in ("/messages/@original", f"/messages/{original['id']}"):
        reply = await stage.webhook(event, "PATCH", tail, {"content": "x"})
        assert (reply.status, reply.code) == (404, 10008)


async def test_a_deleted_channel_takes_the_answer_along(stage: Stage) -> None:
    event = await stage.ask()
    await stage.callback(event, 5)
    stage.discord.world.delete_channel("video-lab")
    assert (await stage.webhook(event, "PATCH", "/messages/@original", {"content": "x"})).code == 10008
    assert (await stage.webhook(event, "POST", "", {"content": "x"})).code == 10003


async def test_one_interactions_token_does_not_reach_anothers_messages(stage: Stage) -> None:
    mine, other = await stage.ask(), await stage.ask()
    await stage.callback(mine, 4, {"content": "mine"})
    await stage.callback(other, 4, {"content": "other"})
    original = (await stage.webhook(mine, "GET", "/messages/@original")).json
    assert (await stage.webhook(other, "GET", f"/messages/{original['id']}")).code == 10008


async def test_a_disabled_or_absent_button_cannot_be_pressed(stage: Stage) -> None:
    disabled: Json = {"type": 2, "style": 1, "label": "No", "custom_id": "no", "disabled": True}
    event = await stage.ask()
    body: Json = {"content": "x", "components": [{"type": 1, "components": [disabled]}]}
    await stage.callback(event, 4, body)
    message_id = str((await stage.webhook(event, "GET", "/messages/@original")).json["id"])
    world = stage.discord.world
    with pytest.raises(WorldError, match="disabled"):
        await world.press_button(member="mira", message_id=message_id, custom_id="no")
    with pytest.raises(WorldError, match="no component yes"):
        await world.press_button(member="mira", message_id=message_id, custom_id="yes")


async def test_a_guilds_own_command_goes_before_the_global_one(stage: Stage) -> None:
    world = stage.discord.world
    path = f"/applications/{world.application_id}/guilds/{world.guild_id}/commands"
    command = (await stage.discord.call("POST", path, VEO)).json
    event = await stage.ask()
    assert event["data"]["id"] == command["id"]
    assert event["data"]["guild_id"] == world.guild_id


async def test_registering_again_keeps_ids_and_versions_of_what_did_not_change(stage: Stage) -> None:
    path = f"/applications/{stage.discord.world.application_id}/commands"
    before = (await stage.discord.call("GET", path)).list
    after = (await stage.discord.call("PUT", path, [VEO])).list
    assert before == after
    changed = (await stage.discord.call("PUT", path, [{**VEO, "description": "New"}])).list
    assert changed[0]["id"] == before[0]["id"]
    assert changed[0]["version"] != before[0]["version"]


async def test_a_reset_forgets_everything_but_the_ids_stay(stage: Stage) -> None:
    world = stage.discord.world
    ids = (world.channel_ids, world.member_ids, world.application_id)
    event = await stage.ask()
    await stage.callback(event, 4, {"content": "x"})
    world.delete_channel("general")
    await world.reset()
    assert (world.channel_ids, world.member_ids, world.application_id) == ids
    state = world.state()
    assert (state["commands"], state["message_count"], state["gateway_sessions"]) == ([], 0, [])
    assert (await stage.webhook(event, "GET", "/messages/@original")).code == 50027


async def test_a_replay_stays_in_the_interactions_own_channel_while_that_exists(stage: Stage) -> None:
    event = await stage.ask(channel="general")
    again = await stage.ask(interaction_id=event["id"])
    assert (again["channel_id"], again["token"]) == (event["channel_id"], event["token"])
    stage.discord.world.delete_channel("general")
    with pytest.raises(WorldError, match="There is no channel"):
        await stage.ask(interaction_id=event["id"])


async def test_an_answer_to_a_button_pings_nobody_it_does_not_name(stage: Stage) -> None:
    event = await stage.ask()
    await stage.callback(event, 4, {"content": "Done", "components": [BUTTON]})
    original = (await stage.webhook(event, "GET", "/messages/@original")).json
    await stage.discord.world.press_button(member="lea", message_id=original["id"], custom_id="again")
    press = await stage.gateway.event("INTERACTION_CREATE")
    answer = (await stage.callback(press, 4, {"content": "Again"})).json["resource"]["message"]
    assert answer["mentions"] == []
    assert answer["message_reference"]["message_id"] == original["id"]
    assert answer["interaction_metadata"]["interacted_message_id"] == original["id"]


async def test_a_command_in_a_private_channel_belongs_to_no_guild(stage: Stage) -> None:
    mira = stage.discord.world.member_ids["mira"]
    channel = (await stage.discord.call("POST", "/users/@me/channels", {"recipient_id": mira})).json
    event = await stage.ask(channel=channel["id"])
    assert (event["context"], event["user"]["id"]) == (1, mira)
    assert "guild_id" not in event
    assert "member" not in event
    assert (await stage.callback(event, 4, {"content": "Here"})).status == 200


async def test_the_same_seed_gives_the_same_tokens(tmp_path: Path) -> None:
    tokens = []
    for number in range(2):
        async with discord_world(tmp_path / str(number)) as discord, connected(discord) as gateway:
            await discord.call("PUT", f"/applications/{discord.world.application_id}/commands", [VEO])
            await discord.world.send_command(member="mira", options={"prompt": "a fox"})
            tokens.append((await gateway.event("INTERACTION_CREATE"))["token"])
    assert tokens[0] == tokens[1]
