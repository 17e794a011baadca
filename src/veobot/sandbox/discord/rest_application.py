"""Endpoints for the application itself, its commands, and the gateway's address."""

from collections.abc import Callable, Mapping, Sequence

from aiohttp import web

from veobot.sandbox.discord import errors
from veobot.sandbox.discord.command_form import CommandBody, CommandType, read_command
from veobot.sandbox.discord.form import Fields, Form
from veobot.sandbox.discord.model import Command, Payload
from veobot.sandbox.discord.payloads import Payloads
from veobot.sandbox.discord.ratelimits import COMMANDS, READS, Limit
from veobot.sandbox.discord.rest import Answer, Api, Call, Endpoint, Result
from veobot.sandbox.discord.snowflakes import Snowflakes
from veobot.sandbox.discord.state import DiscordState
from veobot.sandbox.ledger import JsonValue, Ledger

APPLICATION = "/applications/{application_id}"
# In each scope, the global one and each guild's.
MAX_COMMANDS = {CommandType.CHAT_INPUT: 100, CommandType.USER: 15, CommandType.MESSAGE: 15}
# "1,000 IDENTIFY a day"; the sandbox does not count them down.
IDENTIFIES_PER_DAY = 1000
DAY_MS = 24 * 60 * 60 * 1000


class ApplicationEndpoints:
    """Answers what `/applications`, `/oauth2` and `/gateway` are asked."""

    def __init__(
        self,
        state: DiscordState,
        payloads: Payloads,
        snowflakes: Snowflakes,
        ledger: Ledger,
        gateway_url: Callable[[], str],
    ) -> None:
        self._state = state
        self._payloads = payloads
        self._snowflakes = snowflakes
        self._ledger = ledger
        self._gateway_url = gateway_url

    def routes(self, api: Api) -> list[web.RouteDef]:
        """Return the routes; all but the plain gateway address want the bot's token."""
        table: list[tuple[str, str, Endpoint, str, Limit]] = [
            ("GET", "/gateway/bot", self.gateway_bot, "discord.gateway.bot", READS),
            ("GET", "/applications/@me", self.application, "discord.application", READS),
            ("GET", "/oauth2/applications/@me", self.application, "discord.oauth2.application", READS),
        ]
        for scope, infix in (("commands", ""), ("guild.commands", "/guilds/{guild_id}")):
            many = f"{APPLICATION}{infix}/commands"
            one = f"{many}/{{command_id}}"
            table += [
                ("GET", many, self.list_commands, f"discord.{scope}.list", READS),
                ("PUT", many, self.replace_commands, f"discord.{scope}.put", COMMANDS),
                ("POST", many, self.create_command, f"discord.{scope}.create", COMMANDS),
                ("GET", one, self.get_command, f"discord.{scope}.get", READS),
                ("PATCH", one, self.edit_command, f"discord.{scope}.edit", COMMANDS),
                ("DELETE", one, self.delete_command, f"discord.{scope}.delete", COMMANDS),
            ]
        open_route = api.route(
            "GET", "/gateway", self.gateway, name="discord.gateway.url", limit=READS, authorized=False
        )
        return [open_route] + [
            api.route(method, path, endpoint, name=name, limit=limit)
            for method, path, endpoint, name, limit in table
        ]

    async def gateway(self, _call: Call) -> JsonValue:
        """GET where the gateway is."""
        return {"url": self._gateway_url()}

    async def gateway_bot(self, _call: Call) -> JsonValue:
        """GET where the gateway is, how many shards to start and how often one may identify."""
        start_limit: Payload = {
            "total": IDENTIFIES_PER_DAY,
            "remaining": IDENTIFIES_PER_DAY,
            "reset_after": DAY_MS,
            "max_concurrency": 1,
        }
        return {"url": self._gateway_url(), "shards": 1, "session_start_limit": start_limit}

    async def application(self, _call: Call) -> JsonValue:
        """GET the bot's application."""
        return self._payloads.application()

    async def list_commands(self, call: Call) -> JsonValue:
        """GET the commands of a scope."""
        return [self._payloads.command(command) for command in self._in_scope(self._scope(call))]

    async def get_command(self, call: Call) -> JsonValue:
        """GET one command."""
        return self._payloads.command(self._command(call))

    async def replace_commands(self, call: Call) -> JsonValue:
        """PUT the commands of a scope: those of the same name and type keep their ids."""
        body = await call.body()
        scope = self._scope(call)
        form = Form()
        bodies = [read_command(fields) for fields in _listed(body, form)]
        keys = [(command["type"], command["name"]) for command in bodies]
        for index, key in enumerate(keys):
            if key in keys[:index]:
                sentence = "Application command names must be unique"
                form.complain([str(index), "name"], "APPLICATION_COMMANDS_DUPLICATE_NAME", sentence)
        form.check()
        for kind, limit in MAX_COMMANDS.items():
            if sum(command["type"] == kind for command in bodies) > limit:
                raise errors.too_many_commands(limit)
        earlier: dict[tuple[JsonValue, JsonValue], Command] = {
            (command.type, command.name): command for command in self._in_scope(scope)
        }
        for command in earlier.values():
            del self._state.commands[command.id]
        replaced = [self._store(scope, new, earlier.get(key)) for new, key in zip(bodies, keys, strict=True)]
        self._record(scope)
        return [self._payloads.command(command) for command in replaced]

    async def create_command(self, call: Call) -> Result:
        """POST a command: 201 if it is new, 200 if it replaces one of the same name."""
        body = await call.body()
        scope = self._scope(call)
        new = _checked(body)
        same = [c for c in self._in_scope(scope) if (c.type, c.name) == (new["type"], new["name"])]
        kind = CommandType(int(str(new["type"])))
        if not same and sum(c.type == kind for c in self._in_scope(scope)) >= MAX_COMMANDS[kind]:
            raise errors.too_many_commands(MAX_COMMANDS[kind])
        command = self._store(scope, new, same[0] if same else None)
        self._record(scope)
        return Answer(200 if same else 201, self._payloads.command(command))

    async def edit_command(self, call: Call) -> JsonValue:
        """PATCH a command."""
        body = await call.body()
        command = self._command(call)
        command = self._store(command.guild_id, _checked({**command.body, **body}), command)
        self._record(command.guild_id)
        return self._payloads.command(command)

    async def delete_command(self, call: Call) -> JsonValue:
        """DELETE a command."""
        command = self._command(call)
        del self._state.commands[command.id]
        self._record(command.guild_id)
        return None

    def _scope(self, call: Call) -> int | None:
        """Return the guild of the path, or None for the global scope."""
        if call.id("application_id") != self._state.application_id:
            raise errors.unknown_application()
        if not call.has("guild_id"):
            return None
        guild_id = call.id("guild_id")
        if guild_id != self._state.guild.id or not self._state.guild.bot_present:
            raise errors.missing_access()
        return guild_id

    def _command(self, call: Call) -> Command:
        scope = self._scope(call)
        command = self._state.commands.get(call.id("command_id"))
        if command is None or command.guild_id != scope:
            raise errors.unknown_application_command()
        return command

    def _in_scope(self, scope: int | None) -> list[Command]:
        return [command for command in self._state.commands.values() if command.guild_id == scope]

    def _store(self, scope: int | None, body: CommandBody, earlier: Command | None) -> Command:
        number = self._snowflakes.next()
        if earlier is None:
            command = Command(number, number, scope, body)
        else:
            unchanged = earlier.body == body
            command = Command(earlier.id, earlier.version if unchanged else number, scope, body)
        self._state.commands[command.id] = command
        return command

    def _record(self, scope: int | None) -> None:
        names = [command.name for command in self._in_scope(scope)]
        self._ledger.record("commands", names=names, guild_id=str(scope) if scope else None)


def _listed(body: Mapping[str, JsonValue], form: Form) -> Sequence[Fields]:
    commands = body.get("")
    if not isinstance(commands, list):
        form.complain([], "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
        return []
    return [Fields(command, form, (str(index),)) for index, command in enumerate(commands)]


def _checked(body: Mapping[str, JsonValue]) -> CommandBody:
    form = Form()
    command = read_command(Fields(body, form))
    form.check()
    return command
