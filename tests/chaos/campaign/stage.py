"""One campaign: a sandbox, a bot, members who keep asking, bad weather, and one strike after the other."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from chaos.campaign.acts import Acts, Tally
from chaos.campaign.bot import Bot
from chaos.campaign.crowd import Crowd
from chaos.campaign.dossier import Archive
from chaos.campaign.judge import Evidence, Verdict, judge
from chaos.campaign.mishaps import Mishaps
from chaos.campaign.plan import Strike
from chaos.campaign.records import Records
from chaos.campaign.timing import resumption_seconds
from chaos.campaign.videos import look_at_videos
from chaos.campaign.watch import Watch
from chaos.campaign.weather import Weather
from support.bot import FAST
from veobot.sandbox.process import SandboxProcess, run_sandbox

SUBMIT_TIMEOUT = timedelta(seconds=4)
GENERATION_DEADLINE = timedelta(seconds=12)
"""Short, so that a lost answer is waited for in seconds; their default is a minute and ten."""

SETTINGS = {
    **FAST,
    "VEOBOT_SUBMIT_TIMEOUT_SECONDS": f"{SUBMIT_TIMEOUT.total_seconds():g}",
    "VEOBOT_GENERATION_DEADLINE_MINUTES": f"{GENERATION_DEADLINE / timedelta(minutes=1):g}",
    "VEOBOT_CONCURRENT_GENERATIONS": "12",
}


@dataclass(slots=True)
class Outcome:
    """What became of one campaign."""

    verdict: Verdict
    ways: Counter[str]
    hits: Counter[str]
    missed: Counter[str]
    caught: Counter[str]
    faults: Counter[str]
    checks: int
    unclosed: int
    tokens_left: int
    token_traces: int
    broken: list[str]
    resumptions_seconds: list[float]


@dataclass(slots=True)
class Campaign:
    """Run once.

    Args:
        directory: for the sandbox's and the bot's files.
        strikes: what is done to the bot.
        resume: False shows what recovery is worth.
        patience_seconds: how long everything may take to drain at the end.
        tally: shows how far it is.
    """

    directory: Path
    seed: int
    strikes: list[Strike]
    resume: bool = True
    patience_seconds: float = 120.0
    tally: Tally = field(default_factory=Tally)

    async def run(self) -> Outcome:
        """Strike, drain, judge; no process is left behind."""
        async with AsyncExitStack() as stack:
            sandbox = await stack.enter_async_context(
                run_sandbox(self.directory / "sandbox", clip="small", seed=self.seed)
            )
            watcher = await stack.enter_async_context(sandbox.new_client())
            return await self._run(sandbox, Watch(watcher))

    async def _run(self, sandbox: SandboxProcess, watch: Watch) -> Outcome:
        environment = {**sandbox.environment, **SETTINGS, "VEOBOT_RESUME": str(self.resume).lower()}
        bot = Bot(self.directory / "bot", environment)
        records = Records(bot.database_path)
        crowd = Crowd(sandbox.client, self.seed)
        weather = Weather(sandbox.client, crowd, watch, self.seed)
        following = asyncio.create_task(watch.follow())
        acts = Acts(
            sandbox.client, watch, bot=bot, records=records, crowd=crowd, weather=weather, tally=self.tally
        )
        try:
            await crowd.set_the_stage()
            await weather.set_the_stage()
            await acts.perform(self.strikes, patience_seconds=self.patience_seconds)
            return await self._judge(sandbox, bot, records, weather.mishaps, watch)
        finally:
            bot.end()
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following

    async def _judge(
        self, sandbox: SandboxProcess, bot: Bot, records: Records, mishaps: Mishaps, watch: Watch
    ) -> Outcome:
        await watch.catch_up()
        watch.write(self.directory / "ledger.jsonl")
        evidence = Evidence(
            entries=watch.entries,
            requests=records.rows("requests"),
            submissions=records.rows("submissions"),
            mishaps=mishaps,
            wrong_videos=await look_at_videos(Archive(watch.entries), sandbox.url),
            submit_timeout=SUBMIT_TIMEOUT,
            generation_deadline=GENERATION_DEADLINE,
        )
        struck = (f"{e.fields['kind']} at {e.fields['endpoint']}" for e in watch.entries if e.kind == "fault")
        return Outcome(
            verdict=judge(evidence),
            ways=self.tally.ways,
            hits=self.tally.hits,
            missed=self.tally.missed,
            caught=records.caught,
            faults=Counter(struck),
            checks=records.checks,
            unclosed=records.unclosed(),
            tokens_left=records.tokens_left(),
            token_traces=records.token_traces(),
            broken=[*records.broken, *bot.broken],
            resumptions_seconds=resumption_seconds(watch, bot.starts),
        )
