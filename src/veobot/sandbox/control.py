"""The control API: how a demo or a test moves the world, and reads what happened in it."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from veobot.sandbox.bucket import Bucket
from veobot.sandbox.clock import SandboxClock
from veobot.sandbox.control_bodies import (
    ButtonBody,
    ChannelBody,
    ClockBody,
    CommandBody,
    ControlError,
    FaultBody,
    FinishBody,
    GatewayBody,
    GuildBody,
    MessageBody,
    ModalBody,
    NewChannelBody,
    VertexBody,
    read_body,
)
from veobot.sandbox.discord import DiscordWorld, WorldError
from veobot.sandbox.faults import Fault, Faults
from veobot.sandbox.generations import Scene
from veobot.sandbox.ledger import Entry, JsonValue, Ledger
from veobot.sandbox.vertex import VertexWorld

# One long poll lasts at most this long, in real time; whoever wants to wait longer asks again.
MAX_WAIT_SECONDS = 60.0

Call = Callable[[web.Request], Awaitable[dict[str, JsonValue]]]


class Control:
    """The routes under /control; every mistake is answered with `{"error": "one plain sentence"}`.

    Args:
        describe: gives what the control file says.
    """

    def __init__(
        self,
        *,
        clock: SandboxClock,
        ledger: Ledger,
        faults: Faults,
        discord: DiscordWorld,
        vertex: VertexWorld,
        bucket: Bucket,
        describe: Callable[[], dict[str, JsonValue]],
    ) -> None:
        self._clock = clock
        self._ledger = ledger
        self._faults = faults
        self._discord = discord
        self._vertex = vertex
        self._bucket = bucket
        self._describe = describe

    def routes(self) -> list[web.RouteDef]:
        """Return the control API's routes; their names begin with `control.`, which no fault hits."""
        calls: list[tuple[str, str, Call]] = [
            ("GET", "/state", self._state),
            ("POST", "/reset", self._reset),
            ("POST", "/clock", self._set_clock),
            ("POST", "/faults", self._add_fault),
            ("DELETE", "/faults", self._clear_faults),
            ("DELETE", "/faults/{id}", self._remove_fault),
            ("POST", "/commands", self._command),
            ("POST", "/buttons", self._button),
            ("POST", "/modals", self._modal),
            ("POST", "/messages", self._message),
            ("DELETE", "/messages/{id}", self._delete_message),
            ("POST", "/channels", self._create_channel),
            ("GET", "/channels/{id}/messages", self._messages),
            ("PATCH", "/channels/{id}", self._change_channel),
            ("DELETE", "/channels/{id}", self._delete_channel),
            ("POST", "/guild", self._change_guild),
            ("POST", "/gateway", self._gateway),
            ("POST", "/vertex", self._set_vertex),
            ("POST", "/vertex/finish", self._finish),
        ]
        routes = [
            web.route(method, f"/control{path}", _answering(call), name=f"control.{call.__name__.strip('_')}")
            for method, path, call in calls
        ]
        # The ledger's entries are encoded already, so that it answers by itself.
        return [*routes, web.get("/control/ledger", _explaining(self._read_ledger), name="control.ledger")]

    async def _state(self, _request: web.Request) -> dict[str, JsonValue]:
        return {
            **self._describe(),
            **self._discord.state(),
            "clock": {"now": self._clock.now().isoformat(), "rate": self._clock.rate},
            "vertex": self._vertex.state(),
            "faults": self._faults.state(),
            "last_seq": self._ledger.last_seq,
        }

    async def _read_ledger(self, request: web.Request) -> web.Response:
        after = int(_number(request, "after"))
        wait_seconds = min(_number(request, "wait"), MAX_WAIT_SECONDS)
        kind = request.query.get("kind")
        entries, last = await self._entries(after, wait_seconds, kind)
        listed = ",".join(entry.encoded for entry in entries)
        return web.Response(
            text=f'{{"entries":[{listed}],"last_seq":{last}}}', content_type="application/json"
        )

    async def _entries(self, after: int, wait_seconds: float, kind: str | None) -> tuple[list[Entry], int]:
        """Return the entries of the kind that are newer, as soon as there is one, and where to go on."""
        deadline = asyncio.get_running_loop().time() + wait_seconds
        cursor = after
        while True:
            remaining_seconds = max(0.0, deadline - asyncio.get_running_loop().time())
            newer = await self._ledger.wait(cursor, remaining_seconds)
            # Another world's cursor may lie ahead; what is told back never lies behind what was asked.
            cursor = max(cursor, newer[-1].seq if newer else cursor)
            chosen = [entry for entry in newer if kind is None or entry.kind == kind]
            if chosen or not newer:
                return chosen, cursor

    async def _reset(self, _request: web.Request) -> dict[str, JsonValue]:
        self._faults.clear()
        await self._vertex.reset()
        self._clock.reset()
        await self._discord.reset()
        await self._bucket.reset()
        self._ledger.reset()
        return self._describe()

    async def _set_clock(self, request: web.Request) -> dict[str, JsonValue]:
        body = await read_body(request, ClockBody)
        if body.rate is not None:
            self._clock.set_rate(body.rate)
        if body.jump_seconds is not None:
            self._clock.jump(body.jump_seconds)
        return {"now": self._clock.now().isoformat(), "rate": self._clock.rate}

    async def _add_fault(self, request: web.Request) -> dict[str, JsonValue]:
        body = await read_body(request, FaultBody)
        times, probability = body.times, body.probability
        if times is None and probability is None:
            times = 1  # the most useful fault strikes once
        fault = Fault(
            endpoint=body.endpoint,
            kind=body.kind,
            seconds=body.seconds,
            status=body.status,
            code=body.code,
            message=body.message,
            bytes=body.bytes,
            times=times,
            probability=1.0 if probability is None else probability,
            seed=body.seed,
            contains=body.contains,
        )
        return {"id": self._faults.add(fault)}

    async def _clear_faults(self, _request: web.Request) -> dict[str, JsonValue]:
        self._faults.clear()
        return {}

    async def _remove_fault(self, request: web.Request) -> dict[str, JsonValue]:
        if not self._faults.remove(request.match_info["id"]):
            msg = f"There is no fault {request.match_info['id']}; it may have struck as often as it should."
            raise ControlError(msg, 404)
        return {}

    async def _command(self, request: web.Request) -> dict[str, JsonValue]:
        body = await read_body(request, CommandBody)
        interaction_id = await self._discord.send_command(
            member=body.member,
            options=dict(body.options),
            channel=body.channel,
            name=body.name,
            asked_seconds_ago=body.asked_seconds_ago,
            interaction_id=body.interaction_id,
            dispatch_times=body.dispatch_times,
            attachment_size_limit=body.attachment_size_limit,
            unchecked=body.unchecked,
        )
        return {"interaction_id": interaction_id}

    async def _button(self, request: web.Request) -> dict[str, JsonValue]:
        body = await read_body(request, ButtonBody)
        interaction_id = await self._discord.press_button(
            member=body.member, message_id=body.message_id, custom_id=body.custom_id
        )
        return {"interaction_id": interaction_id}

    async def _modal(self, request: web.Request) -> dict[str, JsonValue]:
        body = await read_body(request, ModalBody)
        interaction_id = await self._discord.submit_modal(
            interaction_id=body.interaction_id, values=body.values
        )
        return {"interaction_id": interaction_id}

    async def _message(self, request: web.Request) -> dict[str, JsonValue]:
        body = await read_body(request, MessageBody)
        message_id = self._discord.human_message(
            member=body.member, channel=body.channel, content=body.content
        )
        return {"message_id": message_id}

    async def _messages(self, request: web.Request) -> dict[str, JsonValue]:
        viewer = request.query.get("viewer")
        if viewer is None:
            msg = "Whose view? Say ?viewer= and a member's name or id."
            raise ControlError(msg)
        return {"messages": self._discord.visible_messages(request.match_info["id"], viewer)}

    async def _delete_message(self, request: web.Request) -> dict[str, JsonValue]:
        self._discord.delete_message(request.match_info["id"])
        return {}

    async def _create_channel(self, request: web.Request) -> dict[str, JsonValue]:
        body = await read_body(request, NewChannelBody)
        channel_id = self._discord.create_channel(
            name=body.name, type=body.type, parent=body.parent, nsfw=body.nsfw
        )
        return {"channel_id": channel_id}

    async def _change_channel(self, request: web.Request) -> dict[str, JsonValue]:
        body = await read_body(request, ChannelBody)
        self._discord.change_channel(
            request.match_info["id"],
            deny=body.bot_permissions.deny,
            allow=body.bot_permissions.allow,
            archived=body.archived,
            locked=body.locked,
            nsfw=body.nsfw,
        )
        return {}

    async def _delete_channel(self, request: web.Request) -> dict[str, JsonValue]:
        self._discord.delete_channel(request.match_info["id"])
        return {}

    async def _change_guild(self, request: web.Request) -> dict[str, JsonValue]:
        body = await read_body(request, GuildBody)
        self._discord.change_guild(
            upload_limit_bytes=body.upload_limit_bytes,
            premium_tier=body.premium_tier,
            features=body.features,
            bot_present=body.bot_present,
        )
        return {}

    async def _gateway(self, request: web.Request) -> dict[str, JsonValue]:
        await self._discord.gateway_action((await read_body(request, GatewayBody)).action)
        return {}

    async def _set_vertex(self, request: web.Request) -> dict[str, JsonValue]:
        body = await read_body(request, VertexBody)
        if body.generation_seconds is not None:
            self._vertex.generations.generation_seconds = body.generation_seconds
        if body.script is not None:
            self._vertex.generations.script = [Scene(**scene.model_dump()) for scene in body.script]
        if body.submit is not None:
            self._vertex.submit_mode = body.submit
        if body.models is not None:
            self._vertex.models = body.models
        return {}

    async def _finish(self, request: web.Request) -> dict[str, JsonValue]:
        body = await read_body(request, FinishBody)
        finished = self._vertex.generations.finish_now(contains=body.contains, name=body.operation)
        return {"finishing": finished}


def _answering(call: Call) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response(await call(request))

    return _explaining(answer)


def _explaining(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Turn what a control call can raise into its sentence."""

    async def explain(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except (ControlError, WorldError) as error:
            return web.json_response({"error": str(error)}, status=error.status)
        except ValueError as error:
            # The clock and the faults refuse impossible values with a sentence of their own.
            return web.json_response({"error": str(error)}, status=400)

    return explain


def _number(request: web.Request, name: str) -> float:
    value = request.query.get(name, "0")
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number < 2**53:
        msg = f"{name} must be a number and not negative, but is {value}."
        raise ControlError(msg)
    return number
