"""What members do to the bot: commands, buttons and modals, and how long each can be answered."""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import timedelta
from random import Random

from veobot.sandbox.clock import SandboxClock
from veobot.sandbox.discord import errors
from veobot.sandbox.discord.gateway import Gateway
from veobot.sandbox.discord.model import Channel, ChannelType, Interaction, InteractionType, Message, User
from veobot.sandbox.discord.payloads import Payloads
from veobot.sandbox.discord.snowflakes import Snowflakes, created_at
from veobot.sandbox.discord.state import DiscordState
from veobot.sandbox.ledger import JsonValue, Ledger

# "You must send an initial response within 3 seconds." Real ones: the bot's own speed is what they measure,
# however fast the sandbox's time goes.
ACKNOWLEDGE_SECONDS = 3.0
# "Interaction tokens are valid for 15 minutes", by the sandbox's clock.
TOKEN_LIFE = timedelta(minutes=15)
# Discord's tokens are long; this length is only plausible.
TOKEN_BYTES = 120


class Interactions:
    """The interactions of one world: dispatched to the bot, found again by id and token.

    Args:
        state: where they are remembered.
        payloads: writes the event.
        snowflakes: gives ids.
        clock: decides when a token dies.
        ledger: each is recorded there.
        gateway: carries the event.
        seed: makes the tokens the same in each run.
        monotonic: the source of real seconds.
    """

    def __init__(
        self,
        *,
        state: DiscordState,
        payloads: Payloads,
        snowflakes: Snowflakes,
        clock: SandboxClock,
        ledger: Ledger,
        gateway: Gateway,
        seed: int,
        monotonic: Callable[[], float],
    ) -> None:
        self._state = state
        self._payloads = payloads
        self._snowflakes = snowflakes
        self._clock = clock
        self._ledger = ledger
        self._gateway = gateway
        self._random = Random(seed)  # noqa: S311 - what these tokens guard is a simulation
        self._monotonic = monotonic

    def begin(
        self,
        kind: InteractionType,
        user: User,
        channel: Channel,
        *,
        name: str,
        data: Mapping[str, JsonValue],
        source: Message | None = None,
        parent: Interaction | None = None,
        seconds_ago: float = 0.0,
        interaction_id: int | None = None,
        attachment_size_limit: int | None = None,
    ) -> Interaction:
        """Make an interaction that is not yet dispatched; its id and its token are born `seconds_ago`."""
        number = interaction_id or self._snowflakes.next(seconds_ago=seconds_ago)
        token = urlsafe_b64encode(self._random.randbytes(TOKEN_BYTES)).decode()
        interaction = Interaction(
            id=number,
            token=token,
            type=kind,
            user=user,
            channel_id=channel.id,
            guild_id=self._state.guild.id,
            name=name,
            data=data,
            expires_at=created_at(number) + TOKEN_LIFE,
            attachment_size_limit=attachment_size_limit or self._state.guild.upload_limit_bytes,
            source_message_id=source.id if source else None,
            parent=parent,
        )
        self._state.interactions[number] = interaction
        self._state.interactions_by_token[token] = interaction
        return interaction

    def dispatch(self, interaction: Interaction, *, times: int = 1) -> None:
        """Send the event, as often as asked for; the three seconds begin with the first time."""
        channel = self._state.channels[interaction.channel_id]
        guild_id = None if channel.type is ChannelType.DM else self._state.guild.id
        payload = self._payloads.interaction(interaction)
        if interaction.dispatched_at_monotonic is None:
            interaction.dispatched_at_monotonic = self._monotonic()
            self._record(interaction)
        for _ in range(times):
            self._gateway.dispatch("INTERACTION_CREATE", payload, guild_id=guild_id)

    def unanswered(self, interaction_id: int, token: str) -> Interaction:
        """Return the interaction that a callback may still answer.

        Raises:
            ApiError: 10062 if it is unknown or too late, 40060 if it was answered already.
        """
        interaction = self._state.interactions.get(interaction_id)
        if interaction is None or interaction.token != token:
            raise errors.unknown_interaction()
        if interaction.acknowledged:
            raise errors.already_acknowledged()
        dispatched_at = interaction.dispatched_at_monotonic
        if dispatched_at is None or self._monotonic() - dispatched_at > ACKNOWLEDGE_SECONDS:
            raise errors.unknown_interaction()
        return interaction

    def answered(self, application_id: int, token: str) -> Interaction:
        """Return the interaction whose token acts as a webhook.

        Raises:
            ApiError: 10015 if there is none, or it was not yet answered; 50027 if the token is wrong or dead.
        """
        if application_id != self._state.application_id:
            raise errors.unknown_webhook()
        interaction = self._state.interactions_by_token.get(token)
        if interaction is None or self._clock.now() >= interaction.expires_at:
            raise errors.invalid_webhook_token()
        if not interaction.acknowledged:
            raise errors.unknown_webhook()
        return interaction

    def _record(self, interaction: Interaction) -> None:
        options = _flat_options(interaction.data)
        prompt = options.get("prompt")
        self._ledger.record(
            "interaction",
            id=str(interaction.id),
            user_id=str(interaction.user.id),
            channel_id=str(interaction.channel_id),
            guild_id=str(interaction.guild_id),
            name=interaction.name,
            prompt=prompt if isinstance(prompt, str) else None,
            options=options,
            type=interaction.type.value,
        )


def _flat_options(data: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return the values that the member gave, those of a subcommand included."""
    flat: dict[str, JsonValue] = {}
    options = data.get("options")
    for option in options if isinstance(options, list) else []:
        if "value" in option:
            flat[str(option["name"])] = option["value"]
        else:
            flat |= _flat_options(option)
    return flat
