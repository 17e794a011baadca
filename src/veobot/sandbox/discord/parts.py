"""The parts of one simulated Discord, put together; and how the control API's names find things in it."""

import unicodedata
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

from veobot.sandbox.clock import SandboxClock
from veobot.sandbox.discord.command_options import CommandOptions
from veobot.sandbox.discord.form import parse_snowflake
from veobot.sandbox.discord.gateway import Gateway
from veobot.sandbox.discord.interactions import Interactions
from veobot.sandbox.discord.messages import Messages
from veobot.sandbox.discord.model import Channel, ChannelType, Command, Message, User
from veobot.sandbox.discord.payloads import Payloads
from veobot.sandbox.discord.places import Places
from veobot.sandbox.discord.ratelimits import RateLimits
from veobot.sandbox.discord.snowflakes import Snowflakes
from veobot.sandbox.discord.state import default_state
from veobot.sandbox.discord.uploads import FileStore
from veobot.sandbox.ledger import Ledger

# The bot logs in with this. It has the form of a real one (the bot's id comes first) and is no secret.
BOT_TOKEN = (
    f"{b64encode(str(default_state().bot.id).encode()).decode().rstrip('=')}.SANDBOX.for-loopback-only"
)


class WorldError(Exception):
    """A control call that cannot be done; `status` is the HTTP status, the text one plain sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Parts:
    """Holds what one world is made of. Everybody shares the one state, which a reset renews in place."""

    def __init__(
        self,
        *,
        clock: SandboxClock,
        ledger: Ledger,
        public_url: str,
        directory: Path,
        limits: RateLimits,
        seed: int,
        monotonic: Callable[[], float],
    ) -> None:
        self.public_url = public_url
        self.clock = clock
        self.ledger = ledger
        self.limits = limits
        self.state = default_state()
        self.snowflakes = Snowflakes(clock)
        self.payloads = Payloads(self.state, lambda: self.public_url)
        self.files = FileStore(directory, self.snowflakes)
        self.gateway = Gateway(self.state, self.payloads, ledger, BOT_TOKEN, lambda: self.gateway_url)
        self.messages = Messages(
            state=self.state,
            payloads=self.payloads,
            snowflakes=self.snowflakes,
            clock=clock,
            ledger=ledger,
            gateway=self.gateway,
            files=self.files,
        )
        self.places = Places(
            state=self.state,
            payloads=self.payloads,
            snowflakes=self.snowflakes,
            clock=clock,
            gateway=self.gateway,
            messages=self.messages,
        )
        self.interactions = Interactions(
            state=self.state,
            payloads=self.payloads,
            snowflakes=self.snowflakes,
            clock=clock,
            ledger=ledger,
            gateway=self.gateway,
            seed=seed,
            monotonic=monotonic,
        )
        self.options = CommandOptions(self.state, self.payloads)

    @property
    def gateway_url(self) -> str:
        """Where the gateway is."""
        return f"ws{self.public_url.removeprefix('http')}/gateway"

    def user(self, member: str) -> User:
        """Return the human member of a name or an id.

        Raises:
            WorldError: 404.
        """
        wanted = _folded(member)
        for user in self.state.users.values():
            if not user.bot and wanted in (_folded(user.username), str(user.id)):
                return user
        raise WorldError(404, f"There is no member {member}.")

    def channel(self, channel: str) -> Channel:
        """Return the channel or thread of a name or an id.

        Raises:
            WorldError: 404.
        """
        wanted = channel.removeprefix("#")
        for candidate in self.state.channels.values():
            named = candidate.type is not ChannelType.DM and candidate.name == wanted
            if named or str(candidate.id) == wanted:
                return candidate
        raise WorldError(404, f"There is no channel {channel}.")

    def message(self, message_id: str) -> Message:
        """Return a message.

        Raises:
            WorldError: 404.
        """
        message = self.state.messages.get(self.number(message_id))
        if message is None:
            raise WorldError(404, f"There is no message {message_id}.")
        return message

    def command(self, name: str) -> tuple[Command, list[str]]:
        """Return a registered command and the names of its subcommands; a guild's own goes before a global one.

        Raises:
            WorldError: 404.
        """
        first, *path = name.removeprefix("/").split() or [""]
        found = [command for command in self.state.commands.values() if command.name == first]
        if not found:
            raise WorldError(404, f"The bot has registered no command /{first}.")
        return max(found, key=lambda command: command.guild_id is not None), path

    def number(self, snowflake: str) -> int:
        """Return an id as a number.

        Raises:
            WorldError: 400.
        """
        number = parse_snowflake(snowflake)
        if number is None:
            raise WorldError(400, f"{snowflake!r} is no id.")
        return number


def _folded(name: str) -> str:
    """Let "tomas" find "tomás": not every keyboard has the accent."""
    decomposed = unicodedata.normalize("NFD", name.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))
