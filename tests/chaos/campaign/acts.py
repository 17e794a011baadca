"""What is done in a campaign, one thing after the other, while members ask and the weather blows."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field

import aiohttp

from chaos.campaign.bot import Bot
from chaos.campaign.crowd import CHANNELS, MEMBERS, Crowd
from chaos.campaign.plan import Strike, Way
from chaos.campaign.records import Records
from chaos.campaign.watch import Watch
from chaos.campaign.weather import Weather
from chaos.campaign.windows import LATE_SECONDS, Effect, Moment, Window
from veobot.sandbox.client import SandboxClient, SandboxError
from veobot.sandbox.ledger import Entry

READY_SECONDS = 30.0
"""With faults on the way to the gateway a start takes longer: discord.py waits between its tries."""
REACHED_SECONDS = 8.0
"""For a probe to run into its window; where it does not, the kill falls all the same."""
HELD_SECONDS = 60.0
"""Longer than any process of the bot lives on after that: it is killed at once."""
COMMIT_HELD_SECONDS = 0.15
"""The bot has the command by then, and waits for its commit."""
DRAIN_LOOK_SECONDS = 0.2
SETTLE_SECONDS = 1.5
"""After everything is closed: for a call in flight, and a second telling, to show itself."""


@dataclass(slots=True)
class Tally:
    """What has been done so far."""

    changed: Callable[[], None] = lambda: None
    kills: int = 0
    asked: int = 0
    doing: str = "starting"
    ways: Counter[str] = field(default_factory=Counter)
    hits: Counter[str] = field(default_factory=Counter)
    """Kills that fell in their windows, by the windows' names."""
    missed: Counter[str] = field(default_factory=Counter)
    """Kills that did not, since nothing came by in time."""


class Acts:
    """What is done, one thing after the other."""

    def __init__(
        self,
        world: SandboxClient,
        watch: Watch,
        *,
        bot: Bot,
        records: Records,
        crowd: Crowd,
        weather: Weather,
        tally: Tally,
    ) -> None:
        self._tally = tally
        self._bot = bot
        self._records = records
        self._crowd = crowd
        self._weather = weather
        self._watch = watch
        self._world = world
        self._started_after = 0
        self._probe_id: str | None = None

    async def perform(self, strikes: Sequence[Strike], *, patience_seconds: float) -> None:
        """Everything, to the last closed row, which is waited for with patience at most."""
        self._start()
        await self._watch.first(lambda e: e.kind == "commands", after=0, timeout_seconds=READY_SECONDS)
        background = [asyncio.create_task(self._crowd.keep_asking(member)) for member in MEMBERS]
        background.append(asyncio.create_task(self._weather.blow()))
        try:
            for strike in strikes:
                self._tell(strike.name)
                self._bot.revive()
                await self._strike(strike)
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
        await self._drain(patience_seconds)

    def _tell(self, doing: str) -> None:
        self._tally.doing = doing
        self._tally.asked = sum(entry.kind == "interaction" for entry in self._watch.entries)
        self._tally.changed()

    # -- the strikes

    async def _strike(self, strike: Strike) -> None:
        match strike.where:
            case Window() as window:
                async with self._weather.calm():
                    await self._in_window(window)
            case Moment() as moment:
                async with self._weather.calm():
                    await self._at_moment(moment)
            case None:
                await self._anywhere(strike)
        if strike.way in {Way.FROZEN, Way.TERMINATED}:
            return
        if strike.jump_seconds:
            await self._world.clock(jump_seconds=strike.jump_seconds)
        await asyncio.sleep(strike.down_seconds)
        self._start()

    async def _anywhere(self, strike: Strike) -> None:
        if strike.way is not Way.STARTING:
            await self._ready()
        await asyncio.sleep(strike.after_seconds)
        match strike.way:
            case Way.TERMINATED:
                self._count(strike.way)
                self._started_after = self._watch.last_seq
                await self._bot.hand_over()
                self._records.check_alive()
            case Way.FROZEN:
                self._bot.freeze()
                self._tally.ways[strike.way.value] += 1
                await asyncio.sleep(strike.frozen_seconds)
                self._bot.thaw()
            case Way.FROZEN_KILLED:
                self._bot.freeze()
                await asyncio.sleep(strike.frozen_seconds)
                self._kill(strike.way)
            case way:
                self._kill(way)

    async def _in_window(self, window: Window) -> None:
        """Bring a probe into the window, and kill the bot there; for a takeover, twice."""
        prompt = self._crowd.prompt(window.wish)
        chain = [window]
        while (earlier := chain[0].after) is not None:
            chain.insert(0, earlier)
        first, *takeovers = chain
        await self._ready()
        self._hit(first.name, reached=await self._reach(first, prompt))
        self._kill(Way.WINDOW)
        for takeover in takeovers:
            fault_id = await self._hold(takeover, prompt)
            self._start()
            self._hit(takeover.name, reached=await self._reached(fault_id))
            self._kill(Way.WINDOW)

    async def _reach(self, window: Window, prompt: str) -> bool:
        channel = CHANNELS[len(self._bot.starts) % len(CHANNELS)]
        by_id = window.contains is not None and "{request}" in window.contains
        fault_id = "" if by_id else await self._hold(window, prompt)
        self._probe_id = await self._crowd.probe(prompt, dead_token=window.dead_token, channel=channel)
        if by_id:
            fault_id = await self._hold(window, prompt)
        return await self._reached(fault_id)

    async def _hold(self, window: Window, prompt: str) -> str:
        """Let the next such call hang; it lets itself go, in case that nobody is killed in it."""
        contains = window.contains
        if contains is not None:
            contains = contains.format(prompt=prompt, request=self._probe_id)
        seconds = LATE_SECONDS if window.effect is Effect.LATER else HELD_SECONDS
        return await self._world.fault(
            window.endpoint, window.effect.value, seconds=seconds, contains=contains
        )

    async def _reached(self, fault_id: str) -> bool:
        entry = await self._watch.first(
            lambda e: e.kind == "fault" and e.fields["fault_id"] == fault_id,
            after=self._started_after,
            timeout_seconds=REACHED_SECONDS,
        )
        if entry is None:
            with suppress(SandboxError, aiohttp.ClientError):
                await self._world.remove_fault(fault_id)
        return entry is not None

    async def _at_moment(self, moment: Moment) -> None:
        reached = True
        match moment:
            case Moment.UNCOMMITTED:
                await self._ready()
                await self._kill_before_the_commit()
                return
            case Moment.CLAIMED:
                reached = await self._bot.logs("request.resumed", timeout_seconds=REACHED_SECONDS)
            case Moment.IDENTIFIED:
                reached = await self._sees(self._started_after, "gateway", "identify")
            case Moment.READY:
                reached = await self._sees(self._started_after, "gateway", "ready")
            case Moment.IN_LINE:
                await self._ready()
                after = self._watch.last_seq
                rush = asyncio.create_task(self._crowd.rush())
                reached = await self._sees(after, "message", "🕓")
                self._kill(Way.WINDOW)
                self._hit(moment.value, reached=reached)
                await rush
                return
            case _:
                await self._ready()
                reached = await self._upcoming(moment)
        self._kill(Way.WINDOW)
        self._hit(moment.value, reached=reached)

    async def _upcoming(self, moment: Moment) -> bool:
        after = self._watch.last_seq
        await self._crowd.probe(self._crowd.prompt(""), dead_token=False, channel=CHANNELS[0])
        match moment:
            case Moment.CONFIRMED:
                return await self._sees(after, "acknowledged")
            case Moment.SUBMITTED:
                return await self._sees(after, "submission")
            case Moment.FINISHED:
                return await self._sees(after, "finished")
            case _:
                return await self._sees(after, "edit", "✅")

    async def _sees(self, after: int, kind: str, beginning: str = "") -> bool:
        def fits(entry: Entry) -> bool:
            text = str(entry.fields.get("content") or entry.fields.get("event") or "")
            return entry.kind == kind and text.startswith(beginning)

        return await self._watch.first(fits, after=after, timeout_seconds=REACHED_SECONDS) is not None

    async def _kill_before_the_commit(self) -> None:
        """Another program holds the database's lock, so that the command waits for its commit."""
        after = self._watch.last_seq
        with closing(sqlite3.connect(self._bot.database_path, isolation_level=None, timeout=2.0)) as other:
            other.execute("BEGIN IMMEDIATE")
            await self._crowd.probe(self._crowd.prompt(""), dead_token=False, channel=CHANNELS[0])
            reached = await self._sees(after, "interaction")
            await asyncio.sleep(COMMIT_HELD_SECONDS)
            self._kill(Way.WINDOW)
        self._hit(Moment.UNCOMMITTED.value, reached=reached)

    # -- the bot

    def _start(self) -> None:
        self._started_after = self._watch.last_seq
        self._bot.start()

    async def _ready(self) -> None:
        after = self._started_after

        def is_ready(entry: Entry) -> bool:
            return entry.kind == "gateway" and entry.fields["event"] in {"ready", "resumed"}

        await self._watch.first(is_ready, after=after, timeout_seconds=READY_SECONDS)

    def _kill(self, way: Way) -> None:
        self._bot.kill()
        self._count(way)
        self._records.check_dead()

    def _count(self, way: Way) -> None:
        self._tally.ways[way.value] += 1
        self._tally.kills += 1
        self._tally.changed()

    def _hit(self, name: str, *, reached: bool) -> None:
        (self._tally.hits if reached else self._tally.missed)[name] += 1

    # -- the end

    async def _drain(self, patience_seconds: float) -> None:
        """Mishaps end; everything owed must be told and closed."""
        self._tell("draining")
        await self._weather.clear_up()
        self._bot.revive()
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_seconds):
                await self._ready()
                while self._records.unclosed():  # noqa: ASYNC110 -- a database has no event to wait for
                    await asyncio.sleep(DRAIN_LOOK_SECONDS)
        await asyncio.sleep(SETTLE_SECONDS)
        await self._bot.leave()
        self._records.check_dead()
