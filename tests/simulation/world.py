"""The world around the bot: time, members, Discord, Google, a disk, and a supervisor that starts the bot again.

It runs one schedule and keeps the record of it. The bot's processes come and go; the world stays.
"""

import asyncio
import contextvars
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from datetime import timedelta

from veobot.core.limits import Limits

from .audit import AuditedFile
from .discord_side import Discord
from .google_side import LARGE_BYTES, SMALL_BYTES, UPLOAD_LIMIT_BYTES, Google
from .loop import SimulatedLoop
from .ports import PRICE_MICRO_USD, Shape
from .process import Process
from .record import Call, Command, Life, Record, Settings
from .schedule import (
    HOUR,
    AtPoint,
    Cancels,
    ChannelChanges,
    ClockJumps,
    Crash,
    Fault,
    How,
    Kill,
    Late,
    Makes,
    Outage,
    Overlap,
    Pause,
    PlaceholderDeleted,
    Point,
    Replay,
    Schedule,
    Size,
    Spoil,
    SpoilCommit,
    Terminate,
    TerminateAt,
    TokenDies,
)

FIRST_REQUEST, FIRST_MEMBER, FIRST_CHANNEL = 1000, 500, 100
QUOTA_WINDOW = timedelta(hours=24)

LOOK_SECONDS = 30.0
"""How often the world looks whether everything has come to rest."""
LOOK_SECONDS_WHEN_DEAD = 600.0
"""The same while no process is there that could do anything."""
REST_SECONDS = 65.0
"""How long it then waits for what is still on its way: a sweep, and any late answer."""
GIVEN_UP_AFTER_SECONDS = 30 * HOUR
"""What is not closed so long after the last fault never will be."""
RESTART_SECONDS = 1.0
"""How soon a process that ended for no planned reason is started again."""
MOST_LIVES = 40
FRESH_WHERE_BUSY = 0.25
"""In how many of the schedules whose database is busy at times it is also opened anew."""
EAGER_SECONDS = 3.0
"""How soon members try again once the bot is there: at most; many in the first moments of a life."""


class World:
    """One schedule, from the first start to rest."""

    def __init__(self, schedule: Schedule, file: AuditedFile, loop: SimulatedLoop) -> None:
        self.schedule = schedule
        self._loop = loop
        self.limits = Limits(
            poll_interval_seconds=schedule.interval_seconds,
            progress_interval_seconds=schedule.interval_seconds,
        )
        self.quota_window = QUOTA_WINDOW
        self.disk_full = False
        self.database_gone = False
        self.record = Record(
            Settings(
                slots=schedule.slots,
                quota=schedule.quota,
                price_micro_usd=PRICE_MICRO_USD,
                submit_timeout=self.limits.submit_timeout.total_seconds(),
                generation_deadline=self.limits.generation_deadline.total_seconds(),
                poll_interval=self.limits.poll_interval_seconds,
                request_expiry=self.limits.request_expiry.total_seconds(),
            )
        )
        self.record.database_away = [
            (f.at, f.at + f.seconds)
            for f in schedule.faults
            if isinstance(f, Outage) and f.whom in _OF_THE_DISK
        ]
        self.discord = Discord(self.record, 2, defaultdict(lambda: UPLOAD_LIMIT_BYTES))
        self.google = Google(schedule, self.record, FIRST_REQUEST)
        self.named: dict[AtPoint, str] = {}
        """What points those were at which processes were killed or stopped."""
        self.hits: Counter[str] = Counter()
        """How often a process died at it."""
        self.processes: list[Process] = []
        self._file = file
        self._context = contextvars.copy_context()
        self._rows: dict[int, tuple[int, str, float]] = {}
        self._incomplete: set[object] = set()
        self._nth: Counter[object] = Counter()
        self._happened: set[str] = set()
        self._asked = 0
        self._put_off: list[int] = []
        self._rival: sqlite3.Connection | None = None
        self._spoilt = {(f.call, f.nth): f for f in schedule.faults if isinstance(f, Spoil)}
        self._spoilt_commits = {(f.method, f.nth) for f in schedule.faults if isinstance(f, SpoilCommit)}
        self._outages = [
            f for f in schedule.faults if isinstance(f, Outage) and f.whom in {"discord", "google"}
        ]

    # -- the schedule, played

    async def run(self) -> Record:
        """Play the schedule until everything is at rest, and return what happened."""
        self._file.renew(fresh=self._needs_a_fresh_file())
        for index, ask in enumerate(self.schedule.asks):
            self.later(ask.at, lambda index=index: self._ask(index))  # type: ignore[misc]  # bound early
        for fault in self.schedule.faults:
            self._plan(fault)
        self._start()
        while True:
            alive = any(not process.dead for process in self.processes)
            await asyncio.sleep(LOOK_SECONDS if alive else LOOK_SECONDS_WHEN_DEAD)
            if self.now() - self.record.calm_since > GIVEN_UP_AFTER_SECONDS:
                break
            if self._at_rest():
                for process in self.processes:
                    process.points_at_rest = process.points
                await asyncio.sleep(REST_SECONDS)
                if self._at_rest():
                    break
        return self._finish()

    def _needs_a_fresh_file(self) -> bool:
        """Whether it matters how the file is laid out, or is opened."""
        away = {fault.whom for fault in self.schedule.faults if isinstance(fault, Outage)}
        # Only now and then: opening a file takes as long as a twentieth of a schedule.
        opened_while_busy = "busy" in away and self.schedule.fraction("fresh") < FRESH_WHERE_BUSY
        return "full" in away or opened_while_busy

    def _at_rest(self) -> bool:
        """Whether nothing is owed, a process is there to owe it, and none is asleep that could still do harm."""
        alive = [process for process in self.processes if not process.dead]
        serving = any(process.claimed for process in alive) and not any(process.paused for process in alive)
        calling = any(process.calls_in_hand for process in alive)
        asked = self._asked == len(self.schedule.asks)
        disk_away = any(begin <= self.now() <= end for begin, end in self.record.database_away)
        return asked and serving and not calling and not disk_away and not self._incomplete

    def _finish(self) -> Record:
        record = self.record
        record.ended_at = self.now()
        for process in self.processes:
            if process.claimed and not process.dead and not process.paused:
                process.leftovers()
        record.loop_errors = [
            *self._loop.errors,
            *(e for process in self.processes for e in process.unseen_errors()),
        ]
        record.rows = self._file.table("requests")
        record.submission_rows = self._file.table("submissions")
        record.transitions = self._file.table("transitions")
        record.faults = frozenset(self._happened)
        for process in self.processes:
            process.dead = True
        for process in self.processes:
            process.bury()
        if self._rival is not None:
            self._rival.close()
        self._file.put_away()
        return record

    def _plan(self, fault: Fault) -> None:
        """Set the faults that come at a time of the world's."""
        match fault:
            case Outage() if fault.whom in _OF_THE_DISK:
                self.later(fault.at, lambda: self._disk(fault, begins=True))
                self.later(fault.at + fault.seconds, lambda: self._disk(fault, begins=False))
            case ChannelChanges():
                self.later(fault.at, lambda: self._change_channel(fault, begins=True))
                if fault.seconds is not None:
                    self.later(fault.at + fault.seconds, lambda: self._change_channel(fault, begins=False))
            case _:
                pass

    # -- time

    def now(self) -> float:
        """Return the seconds since the beginning."""
        return self._loop.seconds

    def later(self, seconds: float, do: Callable[[], None]) -> None:
        """Do something in the world's own context, whoever asks for it."""
        self._loop.call_later(seconds, do, context=self._context)

    def _happens(self, what: str) -> None:
        self._happened.add(what)
        self._disturbed()

    def _disturbed(self, until: float | None = None) -> None:
        self.record.calm_since = max(self.record.calm_since, self.now() if until is None else until)

    # -- processes

    def _start(self) -> None:
        """Start the next process."""
        if len(self.record.lives) >= MOST_LIVES:
            return
        life = Life(len(self.record.lives) + 1, self.now())
        self.record.overlapping = self.record.overlapping or any(not p.dead for p in self.processes)
        self.record.lives.append(life)
        process = Process(self, life, self._file.take())
        self.processes.append(process)
        process.start()
        self._disturbed(self.now() + 1)
        for fault in self.schedule.faults:
            self._plan_for(process, fault)

    def _plan_for(self, process: Process, fault: Fault) -> None:
        """Set the faults that come at a time of a process's life."""
        match fault:
            case Kill() if fault.life == process.life.number:
                self.later(fault.seconds, lambda: self._kill(process))
            case Terminate() if fault.life == process.life.number:
                self.later(fault.seconds, lambda: self._terminate(process))
            case Overlap() if fault.life == process.life.number:
                self.later(fault.seconds, lambda: self._overlap(process, fault))
            case ClockJumps() if fault.life == process.life.number:
                self.later(fault.at, lambda: self._jump(process, fault.seconds))
            case _:
                pass

    def ready(self, process: Process) -> None:
        """Let those ask who found nobody."""
        life = process.life.number
        for index in self._put_off:
            eager = EAGER_SECONDS * self.schedule.fraction("eager", index, life) ** 2
            self.later(eager, lambda index=index: self._ask(index))  # type: ignore[misc]  # bound early
        self._put_off.clear()

    def _kill(self, process: Process) -> None:
        if not process.dead:
            self._happens("kill")
            process.die("killed")

    def _terminate(self, process: Process) -> None:
        if not process.dead:
            self._happens("terminate")
            process.terminate()

    def _overlap(self, process: Process, fault: Overlap) -> None:
        """As in a deploy that starts the new one before it stops the old one."""
        if process.dead or process.paused or process.parts.stopping.is_set():
            return
        self._happens("overlap")
        self._start()
        self.later(fault.overlap_seconds, lambda: self._terminate(process))

    def _jump(self, process: Process, seconds: float) -> None:
        if not process.dead:
            self._happens("clock")
            process.clock.ahead_seconds += seconds

    def pause(self, process: Process, fault: Pause) -> None:
        """Stop a process where it stands; let it go on later."""
        self._happens("pause")
        process.paused = True
        process.life.pauses.append((self.now(), self.now() + fault.seconds))
        self._disturbed(self.now() + fault.seconds)
        if fault.successor_after_seconds is not None:
            self.later(fault.successor_after_seconds, self._start)
        self.later(fault.seconds, lambda: self._wake(process))

    def _wake(self, process: Process) -> None:
        self._disturbed()
        self._loop.wake(process)

    def died(self, process: Process) -> None:
        """See to a successor, as a supervisor does, whoever else may be alive: what was left must be claimed."""
        self._disturbed()
        self._file.give_back(process._database)
        down = next((f.down_seconds for f in self._deaths(process)), RESTART_SECONDS)
        self.later(down, self._start)
        self._disturbed(self.now() + down)

    def _deaths(self, process: Process) -> list[Crash | Kill | Terminate | TerminateAt]:
        """Return the faults that may have ended this process."""
        kinds = (Terminate, TerminateAt) if process.life.how == "left" else (Crash, Kill)
        return [f for f in self.schedule.faults if isinstance(f, kinds) and f.life == process.life.number]

    # -- points

    def point_faults(self, life: int) -> dict[Point, AtPoint]:
        """Return what comes at which point of this life."""
        return {
            fault.point: fault
            for fault in self.schedule.faults
            if isinstance(fault, AtPoint) and fault.life == life
        }

    def hit(self, fault: AtPoint, point: str) -> None:
        """Note that a process was killed or stopped at this point."""
        self.named[fault] = point
        if isinstance(fault, TerminateAt):
            self._happens("terminate")
        if isinstance(fault, Crash):
            self._happens("crash")
            self.hits[point.partition("#")[0]] += 1

    # -- members

    def _ask(self, index: int) -> None:
        """Have a member type `/veo`; one whose bot is away tries again when it is there."""
        if not any(p.ready and not p.dead and not p.parts.stopping.is_set() for p in self.processes):
            self._put_off.append(index)
            return
        ask = self.schedule.asks[index]
        self._asked += 1
        self._disturbed()
        request_id = FIRST_REQUEST + index
        command = Command(
            request_id=request_id,
            user_id=FIRST_MEMBER + ask.member,
            channel_id=FIRST_CHANNEL + ask.channel,
            prompt=f"canary prompt {request_id}",
            token=f"canary-token-{request_id}",
            at=self.now(),
        )
        self.record.commands[request_id] = command
        delay = 0.05
        for fault in self.schedule.faults:
            match fault:
                case Late(command=number) if number == index:
                    self._happens("late")
                    delay += fault.seconds
                case Replay(command=number) if number == index:
                    self.later(delay + fault.seconds, lambda: self._dispatch(command, "replay"))
                case TokenDies(command=number) if number == index:
                    self.later(fault.seconds, lambda: self._kill_token(request_id))
                case PlaceholderDeleted(command=number) if number == index:
                    self.later(fault.seconds, lambda: self._delete_placeholder(command))
                case Cancels(command=number) if number == index:
                    wish = fault.drop
                    self.later(fault.seconds, lambda drop=wish: self._cancel(request_id, drop=drop))  # type: ignore[misc]  # bound early
                case Size(command=number, honest=False) if number == index:
                    self.discord.limits[request_id] = SMALL_BYTES + 1
                    self._happens("size")
                case Makes(command=number) if number == index:
                    self._happens(f"makes {fault.result}")
                case _:
                    pass
        self.later(delay, lambda: self._dispatch(command, ""))

    def _dispatch(self, command: Command, fault: str) -> None:
        """Tell every process that is connected; a stopped one finds it when it wakes."""
        if fault:
            self._happens(fault)
        for process in self.processes:
            if process.ready and not process.dead and not process.parts.stopping.is_set():
                command.dispatches += 1
                process.dispatch(command)

    def reported_limit(self, request_id: int) -> int:
        """Return what Discord says is the largest file that it takes, in bytes."""
        dishonest = any(
            isinstance(f, Size) and not f.honest and FIRST_REQUEST + f.command == request_id
            for f in self.schedule.faults
        )
        return 2 * LARGE_BYTES if dishonest else UPLOAD_LIMIT_BYTES

    def _kill_token(self, request_id: int) -> None:
        self._happens("token")
        self.discord.dead_tokens.add(request_id)
        command = self.record.commands[request_id]
        command.token_died_at = self.now() if command.token_died_at is None else command.token_died_at

    def _delete_placeholder(self, command: Command) -> None:
        self._happens("placeholder")
        self.discord.delete_placeholder(command, self.now())

    def _cancel(self, request_id: int, *, drop: bool) -> None:
        """Tell the newest process that is connected; where there is none, the member's button does nothing."""
        serving = [p for p in self.processes if p.ready and not p.dead and not p.parts.stopping.is_set()]
        if serving:
            self._happens("cancel")
            serving[-1].cancel(request_id, drop=drop)

    def _change_channel(self, fault: ChannelChanges, *, begins: bool) -> None:
        channel_id = FIRST_CHANNEL + fault.channel
        channel = self.discord.channels[channel_id]
        before = (channel.writable, channel.readable)
        self._happens("channel")
        if fault.what == "deleted":
            self.discord.delete_channel(channel_id, self.now())
        else:
            setattr(channel, fault.what, begins)
        after = (channel.writable, channel.readable)
        for windows, was, can in zip(
            (self.record.unreachable, self.record.unreadable), before, after, strict=True
        ):
            of_channel = windows.setdefault(channel_id, [])
            if was and not can:
                of_channel.append((self.now(), float("inf")))
            elif can and not was:
                of_channel[-1] = (of_channel[-1][0], self.now())

    # -- calls

    def begin(self, name: str, process: Process, request_id: int) -> Call:
        """Note that a call is begun, and whose the request was at that moment."""
        epoch, owner, since = self._rows.get(request_id, (None, None, 0.0))
        call = Call(name, process.life.number, request_id, self.now(), epoch, owner, since)
        self.record.calls.append(call)
        return call

    def spoiled(self, name: str, shape: Shape) -> tuple[How | None, float]:
        """Return what goes wrong with this call, and the seconds that belong to it."""
        self._nth[name] += 1
        fault = self._spoilt.get((name, self._nth[name]))
        if fault is not None:
            how = How.LOST_AFTER if fault.how is How.BROKEN and name in _OUTSIDE_LIVES else fault.how
            self._happens(how)
            return how, fault.seconds
        for outage in self._outages:
            ends = outage.at + outage.seconds
            if outage.at <= self.now() < ends and (outage.whom == "google") is shape.of_google:
                self._happens("outage")
                self._disturbed(ends)
                return outage.how, 1.0
        return None, 0.0

    def latencies(self, name: str, request_id: int) -> tuple[float, float]:
        """Return the seconds to the effect, and from there to the answer."""
        key = (name, request_id)
        self._nth[key] += 1
        there = self.schedule.fraction("there", *key, self._nth[key])
        back = self.schedule.fraction("back", *key, self._nth[key])
        return 0.02 + 0.5 * there**3, 0.02 + 0.3 * back**3

    # -- the disk

    def committed(self, process: Process) -> None:
        """Write down what a transaction changed."""
        now = self.now()
        for change in self._file.changes(now, process.life.number):
            self.record.changes.append(change)
            if change.table == "requests" and change.new is not None:
                self._note_owner(change.new, now)
                self._note_closing(change.new)

    def spoils_commit(self, method: str) -> bool:
        """Whether this commit, which took place, is to be reported as failed."""
        self._nth["commit", method] += 1
        if (method, self._nth["commit", method]) not in self._spoilt_commits:
            return False
        self._happens("commit")
        self.record.database_away.append((self.now(), self.now()))
        return True

    def _note_owner(self, row: Mapping[str, object], now: float) -> None:
        request_id, epoch, owner = row["id"], row["epoch"], row["owner"]
        assert isinstance(request_id, int)
        assert isinstance(epoch, int)
        assert isinstance(owner, str)
        known = self._rows.get(request_id)
        if known is None or known[:2] != (epoch, owner):
            self._rows[request_id] = (epoch, owner, now)

    def _note_closing(self, row: Mapping[str, object]) -> None:
        if row["closed_at"] is None:
            self._incomplete.add(row["id"])
        else:
            self._incomplete.discard(row["id"])

    def is_stored(self, request_id: int) -> bool:
        """Whether the request's row is committed."""
        return request_id in self._rows

    def _disk(self, fault: Outage, *, begins: bool) -> None:
        self._happens(fault.whom)
        if fault.whom == "full":
            self.disk_full = begins
        elif fault.whom == "gone":
            self.database_gone = begins
        elif begins and self._rival is None:
            self._rival = self._file.lock()
        elif not begins and self._rival is not None:
            self._rival.close()
            self._rival = None


_OF_THE_DISK = frozenset({"busy", "full", "gone"})
_OUTSIDE_LIVES = frozenset({"acknowledge", "refuse"})
"""Called by the command's handler, whose unexpected errors discord.py takes."""
