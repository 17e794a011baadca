"""A Discord on loopback: REST, gateway and attachments, as bot libraries expect them."""

from veobot.sandbox.discord.parts import WorldError
from veobot.sandbox.discord.world import DiscordWorld

__all__ = ["DiscordWorld", "WorldError"]
