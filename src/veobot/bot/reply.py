"""The answer to a command, as Discord takes it: one, within 3 s.

The acknowledgement is the waiting card itself, so that one message serves from the first moment to the outcome.
"""

import asyncio

import discord

from veobot.core.admission import Refusal, Unavailable
from veobot.core.errors import Ambiguous, Permanent, Retryable
from veobot.core.ports import EventLog, Reply
from veobot.core.progress import Progress
from veobot.core.request import MessageId, Placeholder, VideoRequest

from . import cards, refusals
from .calls import one_call
from .failures import AlreadyAcknowledged
from .tree import ACCEPTED, ANSWER_TIMEOUT_SECONDS, tell

ACKNOWLEDGEMENT_PAUSE_SECONDS = 0.2
"""Between tries of the acknowledgement, which all fall within Discord's 3 s."""


class DiscordReply(Reply):
    """The answer to one interaction.

    `others_first_seconds`: until so long after the command came, this process keeps it to itself that it cannot serve
    anybody at the moment. Another one may have got the same command, and be able to; Discord takes the first answer,
    whoever gives it.
    """

    def __init__(
        self, interaction: discord.Interaction, log: EventLog, *, others_first_seconds: float = 0.0
    ) -> None:
        self._interaction = interaction
        self._log = log
        self._others_until = asyncio.get_running_loop().time() + others_first_seconds

    def accepted(self) -> None:
        """Keep the command tree from telling the member of an error instead."""
        self._interaction.extras[ACCEPTED] = True

    async def acknowledge(self, request: VideoRequest, first: Progress) -> Placeholder | None:
        """Answer with the first card; None where it is not known which message that became.

        Trying again is harmless: Discord takes one answer, and says 40060 to any further.
        """
        card = cards.progress(request, first, restarted_at=request.created_at)
        loop = asyncio.get_running_loop()
        until = loop.time() + ANSWER_TIMEOUT_SECONDS
        while (seconds := until - loop.time()) > 0:
            try:
                async with one_call(seconds, by_token=True):
                    response = await self._interaction.response.send_message(
                        card.content, allowed_mentions=discord.AllowedMentions.none()
                    )
                if response.message_id is not None:
                    return Placeholder(MessageId(response.message_id))
                break
            except AlreadyAcknowledged:
                break  # by a try before this one, whose answer got lost
            except (Retryable, Ambiguous) as error:
                self._log.info("acknowledgement.retried", request_id=request.id, reason=str(error))
                await asyncio.sleep(ACKNOWLEDGEMENT_PAUSE_SECONDS)
            except Permanent as error:
                self._log.warning("acknowledgement.refused", request_id=request.id, reason=str(error))
                break
        return None

    async def refuse(self, request: VideoRequest, reason: Refusal | Unavailable) -> None:
        """Say why, to this member only, and hand the prompts back."""
        prompts = (request.prompt, request.options.negative_prompt)
        if isinstance(reason, Unavailable):
            await asyncio.sleep(self._others_until - asyncio.get_running_loop().time())
            words = refusals.unavailable(reason, *prompts)
        else:
            words = refusals.refused(reason, *prompts)
        await tell(self._interaction, words, self._log)
