"""Plays the story: brings seven requests into seven states, kills the bot, starts it again, and waits for the end."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from veobot.demo.accounts import Account
from veobot.demo.bot_process import BotProcess
from veobot.demo.evidence import StateNotReached, not_while_dead, not_yet, read_rows
from veobot.demo.scenario import ASKS, CHANNEL, EXPIRY_SECONDS, TOKEN_LIFETIME_SECONDS, Ask, ask
from veobot.demo.story import BotLife, Story
from veobot.sandbox.client import SandboxClient
from veobot.sandbox.ledger import JsonValue

# In sandbox seconds: six real seconds for what runs undisturbed, half a second for what has to be done first.
_GENERATION_SECONDS = 120.0
_QUICK_GENERATION_SECONDS = 10.0

# A call that is held back is answered long after the demo has ended.
_HELD_SECONDS = 600.0

# How long before its token dies member 6 asks, in sandbox seconds: seven real ones for all states to be reached.
_SPARE_SECONDS = 150.0
# The kill comes so shortly before that, and the bot stays dead until the moment is surely over.
_KILL_BEFORE_SECONDS = 30.0
_OVER_SECONDS = 10.0

# How long the bot stays dead at least, in real seconds: long enough to be seen.
_DARK_SECONDS = 2.0

# Between two things that happen after the restart, in real seconds, so that each can be seen.
_BEAT_SECONDS = 2.0

# How long the resumed bot is given for its first look at Vertex before the story goes on without it.
_FIRST_POLL_SECONDS = 8.0

# When nobody has been told, paid for or asked about for so long, in real seconds, nothing more will come.
_QUIET_SECONDS = 6.0
_SIGNS_OF_LIFE = {"submission", "poll", "finished", "message", "edit", "interaction", "acknowledged"}

# After the last outcome, for a second telling to show itself.
_LINGER_SECONDS = 2.0

# How often a condition is looked at, in real seconds.
_LOOK_SECONDS = 0.05


class Director:
    """Plays the story once.

    Args:
        story: learns what happens.
        world: the simulated world, its clock at the scenario's rate.
        bot: not started yet.
    """

    def __init__(self, story: Story, world: SandboxClient, bot: BotProcess) -> None:
        self._story = story
        self._world = world
        self._bot = bot

    async def play(self) -> None:
        """Return when every request has ended, or nothing more will come.

        Raises:
            StateNotReached: if the kill could not catch what it was to catch.
            BotEnded: if the bot ended by itself.
            SandboxError: if the world would not do what it was asked.
        """
        await self._set_the_stage()
        await self._start_bot()
        moment = await self._before_the_kill()
        await self._kill()
        await self._while_dead(moment)
        await self._start_again()
        await self._to_the_end()

    async def _set_the_stage(self) -> None:
        """Let Vertex finish when the story wants it to, and hold two answers back."""
        held: list[Mapping[str, JsonValue]] = [
            {"contains": ask(number).prompt, "result": "hang"} for number in (2, 3, 4, 6)
        ]
        quick: Mapping[str, JsonValue] = {
            "contains": ask(5).prompt,
            "generation_seconds": _QUICK_GENERATION_SECONDS,
        }
        await self._world.vertex(generation_seconds=_GENERATION_SECONDS, script=[*held, quick])
        await self._world.fault(
            "vertex.submit", "delay_after", contains=ask(2).prompt, seconds=_HELD_SECONDS, probability=1.0
        )
        # Only the outcome describes its video; what the bot says on the way passes.
        await self._world.fault(
            "discord.*",
            "delay_before",
            contains=f"AI-generated video: {ask(5).prompt}",
            seconds=_HELD_SECONDS,
            probability=1.0,
        )

    async def _start_bot(self) -> None:
        pid = self._bot.start()
        self._story.lives.append(BotLife(pid, self._story.elapsed()))
        self._story.say(f"the bot starts, process {pid}")
        await self._until("the bot to come to the gateway", self._bot_is_ready)
        # Registration goes on in the background, and nobody can use a command before.
        await self._until("the bot to register /veo", lambda: self._happened("commands"))

    async def _before_the_kill(self) -> datetime:
        """Bring all into their states; return when member 6's token dies and 7's request becomes too old."""
        self._story.say("four members ask, and Vertex is paid; two answers get stuck on the wire")
        await asyncio.gather(*(self._ask(ask(number)) for number in (5, 2, 3, 4)))
        first = [ask(number) for number in (2, 3, 4, 5)]
        await self._until_caught("requests 2 to 5 to be under way", first, None)
        moment = self._story.now() + timedelta(seconds=_SPARE_SECONDS)
        await self._ask(ask(6), TOKEN_LIFETIME_SECONDS - self._seconds_to(moment))
        await self._until_caught("request 6 to take the last slot", [*first, ask(6)], moment)
        await asyncio.gather(self._ask(ask(1)), self._ask(ask(7), EXPIRY_SECONDS - self._seconds_to(moment)))
        await self._until_caught("requests 1 and 7 to stand in line", ASKS, moment)
        self._story.say("seven requests in seven states: the kill comes shortly before 6's token dies")
        kill_at = moment - timedelta(seconds=_KILL_BEFORE_SECONDS)
        await self._until("the moment for the kill", lambda: self._story.now() >= kill_at)
        return moment

    async def _kill(self) -> None:
        self._bot.check_running()
        self._bot.kill()
        now = self._story.now()
        self._story.lives[-1].killed_at = self._story.elapsed()
        self._story.say(f"kill -9 {self._bot.pid}: no warning, no clean-up")
        await self._read_everything()
        self._check_caught(ASKS, now)
        self._story.caught = {a.number: a.state.at_kill for a in ASKS if a.state}

    async def _while_dead(self, moment: datetime) -> None:
        self._story.scene = "meanwhile Vertex finishes 4, 6's token dies, and 7 turns 24 hours old"
        await self._world.clear_faults()
        await asyncio.sleep(_DARK_SECONDS / 2)
        await self._world.finish(contains=ask(4).prompt)
        over = moment + timedelta(seconds=_OVER_SECONDS)
        dead_until = self._story.elapsed() + _DARK_SECONDS / 2
        await self._until(
            "Vertex to finish video 4 and time to pass while the bot is dead",
            lambda: self._finished(4) and self._story.now() >= over and self._story.elapsed() >= dead_until,
            bot_alive=False,
        )
        if missing := not_while_dead(self._story.accounts, self._story.now()):
            raise StateNotReached(missing)
        self._story.caught = {a.number: a.state.value for a in ASKS if a.state}

    async def _start_again(self) -> None:
        self._story.restarted_after = await self._world.last_seq()
        pid = self._bot.start()
        self._story.lives.append(BotLife(pid, self._story.elapsed()))
        self._story.say(f"the bot is started again, process {pid}, and an eighth member asks")
        await self._until("the bot to come back to the gateway", self._bot_is_ready)
        await self._ask(ask(8))

    async def _to_the_end(self) -> None:
        patience = self._story.elapsed() + _FIRST_POLL_SECONDS
        await self._until(
            "the bot to ask Vertex about what it had begun",
            lambda: self._story.first_resumed_poll_seconds is not None or self._story.elapsed() > patience,
        )
        resumed = self._story.first_resumed_poll_seconds is not None
        self._story.say(
            "the bot takes everything up again; Vertex finishes one video after the other"
            if resumed
            else "the bot asks about nothing it had begun; Vertex finishes one video after the other"
        )
        for number in (3, 6, 2):
            await asyncio.sleep(_BEAT_SECONDS)
            await self._world.finish(contains=ask(number).prompt)
        await self._until("every member to be told", lambda: self._all_told() or self._quiet())
        if self._all_told():
            self._story.say("every member has been told; does anybody hear it twice?")
            await asyncio.sleep(_LINGER_SECONDS)
        await self._read_everything()

    # -- what the story is made of

    async def _ask(self, asked: Ask, asked_seconds_ago: float = 0.0) -> None:
        await self._world.command(
            asked.member, asked.prompt, channel=CHANNEL, asked_seconds_ago=asked_seconds_ago
        )
        await self._until(
            f"the bot to acknowledge request {asked.number}", lambda: self._acknowledged(asked) is not None
        )

    async def _until_caught(self, what: str, asks: Sequence[Ask], moment: datetime | None) -> None:
        """Wait until all of these are in their states, for as long as that is still possible."""

        def settled() -> bool:
            if moment is not None and self._story.now() >= moment:
                self._check_caught(asks, self._story.now())
            return not not_yet(
                self._story.accounts, read_rows(self._bot.database_path), self._story.now(), asks
            )

        await self._until(what, settled)

    def _check_caught(self, asks: Sequence[Ask], now: datetime) -> None:
        if missing := not_yet(self._story.accounts, read_rows(self._bot.database_path), now, asks):
            raise StateNotReached(missing)

    async def _until(self, what: str, condition: Callable[[], bool], *, bot_alive: bool = True) -> None:
        self._story.doing = f"waiting for {what}"
        while not condition():
            if bot_alive:
                self._bot.check_running()
            await asyncio.sleep(_LOOK_SECONDS)

    async def _read_everything(self) -> None:
        last = await self._world.last_seq()
        await self._until("the ledger", lambda: self._story.last_seq >= last, bot_alive=False)

    def _seconds_to(self, moment: datetime) -> float:
        return (moment - self._story.now()).total_seconds()

    def _acknowledged(self, asked: Ask) -> Account | None:
        account = self._story.accounts.find(asked.prompt)
        return account if account is not None and account.placeholder_id is not None else None

    def _finished(self, number: int) -> bool:
        account = self._story.accounts.find(ask(number).prompt)
        return account is not None and bool(account.finished)

    def _bot_is_ready(self) -> bool:
        return self._happened("gateway", event="ready")

    def _happened(self, kind: str, **fields: JsonValue) -> bool:
        """Whether the ledger has such an entry, since the restart if there was one."""
        after = self._story.restarted_after or 0
        return any(
            entry.kind == kind and entry.seq > after and fields.items() <= entry.fields.items()
            for entry in self._story.entries
        )

    def _all_told(self) -> bool:
        accounts = self._story.accounts.all()
        return len(accounts) == len(ASKS) and all(account.standing for account in accounts)

    def _quiet(self) -> bool:
        signs = [entry for entry in self._story.entries if entry.kind in _SIGNS_OF_LIFE]
        running = any(account.submissions and not account.finished for account in self._story.accounts.all())
        quiet = self._story.elapsed() - self._story.elapsed_at(signs[-1].at)
        return not running and quiet > _QUIET_SECONDS
