"""The book of slots that all processes share: the core's `SlotBook` on PostgreSQL.

One exchange is one short transaction under `Lock.SLOTS`, so that slots are counted and given by one process at a time.
A process gives slots to its own requests only, and calls those whose turn it is (NOTIFY): so it learns of a grant from
the very transaction that made it. What may be running at Vertex is counted from the submissions, whoever made them:
an intent that is committed takes a slot, even where its process is forgotten and this table is empty.

Who is next is said by the requests, too. One that waits and is in nobody's line, since its process has gone or has just
come to it, is as much in line as any other, only that it cannot be given a slot yet; so no younger one gets the slot
meanwhile. That ends after a while (`slot_absentees`): it may be one that nobody can carry.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import psycopg
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Connection,
    DateTime,
    Text,
    and_,
    any_,
    bindparam,
    delete,
    false,
    func,
    literal,
    null,
    or_,
    select,
    true,
    union,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from veobot.core.limits import Limits
from veobot.core.request import RequestId
from veobot.core.slot_book import (
    FORGOTTEN_AFTER_SECONDS,
    TURN_KEPT_SECONDS,
    SlotBook,
    SlotChanges,
    Standing,
)
from veobot.core.status import Status, SubmissionState

from .cluster import in_line, slot_absentees, slot_keepers, slots
from .database import Lock
from .postgres import CONNECT_TIMEOUT_SECONDS, KEEPALIVE_SECONDS, PostgresDatabase
from .schema import Moment, incomplete, requests, submissions

CHANNEL = "veobot_slots"
"""Who is called by NOTIFY, by the owner's name: there may be a free slot for it."""

LISTEN_AGAIN_SECONDS = 1.0
"""After a lost connection. Meanwhile a process looks by itself, once a second."""

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Next:
    """Who gets the free slots: of this process, and of others."""

    ours: frozenset[RequestId]
    others: frozenset[str]


class SqlSlotBook(SlotBook):
    """What one process writes into the book and reads from it.

    Args:
        database: where the book is.
        owner: this process; no other has its name, not even one before it.
        limit: how many slots there are over all processes. Where processes disagree (a deploy that changes it), each
            gives slots by its own.
        limits: how long a submission may be running.
        sleep: waits before listening again.
    """

    def __init__(
        self,
        database: PostgresDatabase,
        owner: str,
        limit: int,
        limits: Limits,
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._database = database
        self._owner = owner
        self._limit = limit
        self._accepted_for = limits.generation_deadline
        self._intended_for = limits.submit_timeout + limits.generation_deadline
        self._sleep = sleep

    async def exchange(self, changes: SlotChanges, now: datetime) -> Standing:
        """Write what changed, give free slots to the oldest in line, and tell how this process stands."""
        standing = await self._database.write(lambda c: self._exchange(c, changes, now), lock=Lock.SLOTS)
        if not standing.known or not changes.asking:
            return standing
        # For people to read; nobody need wait for it with the lock in hand.
        return replace(standing, positions=await self._database.read(lambda c: self._positions(c, changes)))

    async def leave(self) -> None:
        """Forget this process at once, and call whose turn that makes it."""

        def leave(connection: Connection) -> None:
            connection.execute(_LEAVE, {"me": self._owner})
            # The deadlines do not matter: who is called in vain looks, and finds no slot.
            _call(connection, self._next(connection, self._limit).others)

        await self._database.write(leave, lock=Lock.SLOTS)

    async def listen(self, wake: Callable[[], None]) -> None:
        """Call `wake` whenever a slot may be free for this process, until cancelled.

        By a connection of its own; while there is none, nobody is woken.
        """
        while True:
            try:
                await self._listen(wake)
            except (psycopg.Error, OSError):
                await self._sleep(LISTEN_AGAIN_SECONDS)

    async def _listen(self, wake: Callable[[], None]) -> None:
        # Not as one text: SQLAlchemy does not write every password so that it can be read again.
        _, address = self._database.engine.dialect.create_connect_args(self._database.url)
        settings = {
            "application_name": "veobot-slots",
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "keepalives_idle": KEEPALIVE_SECONDS,
            "keepalives_interval": KEEPALIVE_SECONDS,
            "keepalives_count": 3,
        }
        async with await psycopg.AsyncConnection.connect(
            autocommit=True, **{**address, **settings}
        ) as connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            wake()  # whoever called before was not heard
            async for call in connection.notifies():
                if call.payload == self._owner:
                    wake()

    # -- one transaction

    def _exchange(self, connection: Connection, changes: SlotChanges, now: datetime) -> Standing:
        connection.execute(_FORGET)
        seen = {"me": self._owner, "opened": changes.open}
        if connection.execute(_SEEN, seen).rowcount == 0:
            connection.execute(_ENTER, seen)
            return Standing(known=False)
        self._write(connection, changes)
        return self._give(connection, now)

    def _write(self, connection: Connection, changes: SlotChanges) -> None:
        if changes.given_up:
            connection.execute(_GIVE_UP, {"me": self._owner, "ids": list(changes.given_up)})
        if changes.places:
            claims = {
                "ids": [place.request_id for place in changes.places],
                "times": [place.asked_at for place in changes.places],
                "holds": [place.asked_at is None for place in changes.places],
            }
            connection.execute(_CLAIM, {"me": self._owner, **claims})
            connection.execute(_MISSED_NO_MORE, {"ids": claims["ids"]})

    def _give(self, connection: Connection, now: datetime) -> Standing:
        since = {
            "accepted_since": now - self._accepted_for,
            "intended_since": now - self._intended_for,
        }
        taken, waiting, held = connection.execute(_LOOK, {"me": self._owner, **since}).one()
        following = self._next(connection, self._limit - taken) if waiting else _NOBODY
        if following.ours:
            connection.execute(_GRANT, {"me": self._owner, "ids": list(following.ours)})
        _call(connection, following.others)
        return Standing(
            held=frozenset(held) | following.ours,
            taken=taken + len(following.ours),
            waiting=waiting - len(following.ours),
        )

    def _next(self, connection: Connection, free: int) -> _Next:
        if free <= 0:
            return _NOBODY
        rows = connection.execute(_NEXT, {"free": free}).all()
        if any(new for _, _, new in rows):
            connection.execute(_MISSED_IN_VAIN)
            connection.execute(_MISS, {"free": free})
        return _Next(
            frozenset(request_id for owner, request_id, _ in rows if owner == self._owner),
            frozenset(owner for owner, _, _ in rows if owner not in {self._owner, None}),
        )

    def _positions(self, connection: Connection, changes: SlotChanges) -> Mapping[RequestId, int]:
        asked = {"me": self._owner, "ids": list(changes.asking)}
        return {RequestId(row[0]): row[1] for row in connection.execute(_POSITIONS, asked)}


def _call(connection: Connection, owners: frozenset[str]) -> None:
    """Wake these processes once this transaction is committed."""
    if owners:
        connection.execute(_CALL, {"channel": CHANNEL, "owners": sorted(owners)})


_NOBODY = _Next(frozenset(), frozenset())

# -- the statements; built once: putting them together takes longer than running them

# Not the transaction's beginning, which may lie before a long wait for the lock.
_now = func.clock_timestamp(type_=DateTime(timezone=True))
_mine = slots.c.owner == bindparam("me")
_ids = bindparam("ids", type_=ARRAY(BigInteger))
_these = and_(_mine, slots.c.request_id == any_(_ids))

_FORGET = delete(slot_keepers).where(
    slot_keepers.c.seen_at < _now - literal(timedelta(seconds=FORGOTTEN_AFTER_SECONDS))
)
_SEEN = (
    update(slot_keepers)
    .where(slot_keepers.c.owner == bindparam("me"))
    .values(seen_at=_now, open=bindparam("opened"))
)
_ENTER = insert(slot_keepers).values(owner=bindparam("me"), seen_at=_now, open=bindparam("opened"))
_LEAVE = delete(slot_keepers).where(slot_keepers.c.owner == bindparam("me"))

_GIVE_UP = delete(slots).where(_these)

# One statement with three arrays, however many they are.
_times = bindparam("times", type_=ARRAY(Moment()))
_holds = bindparam("holds", type_=ARRAY(Boolean))
_claims = (
    func.unnest(_ids, _times, _holds).table_valued("request_id", "asked_at", "held").render_derived("claims")
)
_claim = insert(slots).from_select(
    ["owner", "request_id", "asked_at", "held"],
    select(bindparam("me", type_=Text), _claims.c.request_id, _claims.c.asked_at, _claims.c.held),
)
_CLAIM = _claim.on_conflict_do_update(
    index_elements=[slots.c.owner, slots.c.request_id],
    set_={"asked_at": _claim.excluded.asked_at, "held": _claim.excluded.held},
)


def _literals(states: Sequence[Status] | Sequence[SubmissionState]) -> list[object]:
    """Return words for the statement itself: only so does PostgreSQL see which index has them."""
    return [literal(state.value, literal_execute=True) for state in states]


_may_be_running = (
    select(submissions.c.request_id)
    .join(requests, requests.c.id == submissions.c.request_id)
    .where(
        incomplete,
        requests.c.status.in_(_literals([s for s in Status if not s.is_outcome])),
        submissions.c.state.in_(_literals([s for s in SubmissionState if s.is_open])),
        or_(
            submissions.c.accepted_at > bindparam("accepted_since"),
            and_(
                submissions.c.accepted_at.is_(None), submissions.c.intended_at > bindparam("intended_since")
            ),
        ),
    )
)
# A request counts once, under however many processes and with however many submissions.
_taken = union(select(slots.c.request_id).where(slots.c.held), _may_be_running).subquery()
_LOOK = select(
    select(func.count()).select_from(_taken).scalar_subquery(),
    select(func.count()).select_from(slots).where(in_line).scalar_subquery(),
    func.array(select(slots.c.request_id).where(_mine, slots.c.held).scalar_subquery()),
)

_oldest_first = (slots.c.asked_at, slots.c.request_id)
_free = bindparam("free", type_=BigInteger)
_candidates = (
    select(slots.c.owner, slots.c.request_id, slots.c.asked_at)
    .join(slot_keepers, slot_keepers.c.owner == slots.c.owner)
    .where(in_line, slot_keepers.c.open == true())
    .order_by(*_oldest_first)
    .limit(_free)
    .cte("candidates")
)
_waiting = and_(incomplete, requests.c.status.in_(_literals([Status.PENDING])))
# What is not in these is looked up in a hash of them, however large they are: no plan is made for tables that were
# empty and holds when they are full.
_in_a_line = select(slots.c.request_id)
_open_submissions = select(submissions.c.request_id).where(
    submissions.c.state.in_(_literals([s for s in SubmissionState if s.is_open]))
)
_closed_owners = select(slot_keepers.c.owner).where(slot_keepers.c.open == false())
_absent = and_(
    _waiting,
    requests.c.acknowledged_at.is_not(None),
    # Nobody younger is about to get a slot; few are older, but after a start.
    requests.c.created_at <= select(func.max(_candidates.c.asked_at)).scalar_subquery(),
    requests.c.id.not_in(_in_a_line),
    # It counts as running, or waits to hear of its video.
    requests.c.id.not_in(_open_submissions),
    # A process that may not start anything holds nobody up.
    requests.c.owner.not_in(_closed_owners),
)
_missed = select(slot_absentees.c.request_id)
_missed_for_too_long = _missed.where(
    slot_absentees.c.missed_at < _now - literal(timedelta(seconds=TURN_KEPT_SECONDS))
)
_absentees = (
    select(null().cast(Text).label("owner"), requests.c.id, requests.c.created_at)
    .where(_absent, requests.c.id.not_in(_missed_for_too_long))
    .order_by(requests.c.created_at, requests.c.id)
    .limit(_free)
    .cte("absentees")
)
_everybody = union_all(select(_candidates), select(_absentees)).subquery()
_first = (
    select(_everybody).order_by(_everybody.c.asked_at, _everybody.c.request_id).limit(_free).subquery("first")
)
_NEXT = select(
    _first.c.owner, _first.c.request_id, and_(_first.c.owner.is_(None), _first.c.request_id.not_in(_missed))
)
# All at once: slots stay free no longer for many than for one.
_MISS = (
    insert(slot_absentees)
    .from_select(["request_id", "missed_at"], select(requests.c.id, _now).where(_absent))
    .on_conflict_do_nothing()
)
_MISSED_NO_MORE = delete(slot_absentees).where(slot_absentees.c.request_id == any_(_ids))
_MISSED_IN_VAIN = delete(slot_absentees).where(
    slot_absentees.c.request_id.not_in(select(requests.c.id).where(_waiting))
)
_GRANT = update(slots).where(_these).values(held=True)
_CALL = select(
    func.pg_notify(bindparam("channel", type_=Text), func.unnest(bindparam("owners", type_=ARRAY(Text))))
)

_line = (
    select(slots.c.owner, slots.c.request_id, func.row_number().over(order_by=_oldest_first).label("place"))
    .where(in_line)
    .subquery()
)
_POSITIONS = select(_line.c.request_id, _line.c.place).where(
    _line.c.owner == bindparam("me"), _line.c.request_id == any_(_ids)
)
