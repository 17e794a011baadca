"""A client of the control API, for the demo, the tests and whoever scripts the sandbox."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

import aiohttp

from veobot.sandbox.ledger import Entry, JsonValue

Predicate = Callable[[Entry], bool]

# How many of the last entries a time-out shows, and how much of each.
_SHOWN_ENTRIES = 15
_SHOWN_CHARACTERS = 300

# A control call moves memory only; even `command`, which waits for a gateway session, answers after 10 s.
_CALL_TIMEOUT_SECONDS = 30.0
# One long poll's share of a wait; shorter than the server's own limit.
_POLL_SECONDS = 20.0


class SandboxError(Exception):
    """The sandbox would not do what it was asked; the text is its sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class SandboxTimeout(Exception):  # named after what happened
    """What was waited for did not happen in time; the text lists what happened instead."""


class SandboxClient:
    """Speaks to one sandbox; open it with `async with`.

    Every call raises `SandboxError` with the sandbox's sentence where it says no. Members and channels are
    names (`mira`, `video-lab`) or ids.

    Args:
        url: `http://127.0.0.1:PORT`.
        environment: the settings that point a bot there, if they are known already.
    """

    def __init__(self, url: str, environment: Mapping[str, str] | None = None) -> None:
        self.url = url
        self.environment: dict[str, str] = dict(environment or {})
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=_CALL_TIMEOUT_SECONDS)
        self._session = aiohttp.ClientSession(self.url, timeout=timeout)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    # What happened

    async def state(self) -> Mapping[str, JsonValue]:
        """Return the whole state: ids, clock, sessions, commands, channels, operations, faults."""
        return await self._call("GET", "/control/state")

    async def ledger(self, after: int = 0, *, kind: str | None = None) -> list[Entry]:
        """Return the entries newer than number `after`, oldest first, of one kind or of all."""
        entries, _ = await self._poll(after, kind, 0.0)
        return entries

    async def last_seq(self) -> int:
        """Return the newest entry's number: `after=` that, only what happens from now on counts."""
        value = (await self.state())["last_seq"]
        return value if isinstance(value, int) else 0

    async def wait_for(
        self,
        predicate: Predicate | None = None,
        *,
        kind: str | None = None,
        after: int = 0,
        timeout_seconds: float = 10.0,
    ) -> Entry:
        """Return the first entry newer than `after` that is of the kind and fits, as soon as there is one.

        Raises:
            SandboxTimeout: if there is none in time (real seconds); its text lists the last entries.
        """
        found = await self.wait_for_count(
            1, predicate, kind=kind, after=after, timeout_seconds=timeout_seconds
        )
        return found[0]

    async def wait_for_count(
        self,
        count: int,
        predicate: Predicate | None = None,
        *,
        kind: str | None = None,
        after: int = 0,
        timeout_seconds: float = 10.0,
    ) -> list[Entry]:
        """Return the first `count` entries that are of the kind and fit, as soon as there are so many.

        Raises:
            SandboxTimeout: as `wait_for`.
        """
        loop_time = asyncio.get_running_loop().time
        deadline = loop_time() + timeout_seconds
        found: list[Entry] = []
        cursor = after
        while True:
            remaining_seconds = max(0.0, deadline - loop_time())
            entries, cursor = await self._poll(cursor, kind, min(remaining_seconds, _POLL_SECONDS))
            found += [entry for entry in entries if predicate is None or predicate(entry)]
            if len(found) >= count:
                return found[:count]
            if remaining_seconds == 0:
                raise SandboxTimeout(await self._explain(count, len(found), kind, after, timeout_seconds))

    async def wait_for_gateway(self, *, after: int = 0, timeout_seconds: float = 15.0) -> Entry:
        """Return once a bot's gateway session is ready.

        Raises:
            SandboxTimeout: as `wait_for`.
        """
        return await self.wait_for(
            lambda entry: entry.fields.get("event") in {"ready", "resumed"},
            kind="gateway",
            after=after,
            timeout_seconds=timeout_seconds,
        )

    # Time, mishaps, and starting over

    async def reset(self) -> None:
        """Start a fresh world; see the control API."""
        await self._call("POST", "/control/reset")

    async def clock(self, *, rate: float | None = None, jump_seconds: float | None = None) -> None:
        """Change how fast the sandbox's time passes, or move it."""
        await self._call("POST", "/control/clock", rate=rate, jump_seconds=jump_seconds)

    async def fault(
        self,
        endpoint: str,
        kind: str,
        *,
        seconds: float | None = None,
        status: int | None = None,
        code: int | None = None,
        message: str | None = None,
        bytes: int | None = None,  # noqa: A002  # the control API's name
        times: int | None = None,
        probability: float | None = None,
        seed: int | None = None,
        contains: str | None = None,
    ) -> str:
        """Let calls of an endpoint go wrong (the next one, if nothing else is said), and return the fault's id."""
        answer = await self._call(
            "POST",
            "/control/faults",
            endpoint=endpoint,
            kind=kind,
            seconds=seconds,
            status=status,
            code=code,
            message=message,
            bytes=bytes,
            times=times,
            probability=probability,
            seed=seed,
            contains=contains,
        )
        return str(answer["id"])

    async def remove_fault(self, fault_id: str) -> None:
        """Withdraw one fault."""
        await self._call("DELETE", f"/control/faults/{fault_id}")

    async def clear_faults(self) -> None:
        """Withdraw all faults."""
        await self._call("DELETE", "/control/faults")

    # What people do

    async def command(
        self,
        member: str,
        prompt: str | None = None,
        *,
        channel: str | None = None,
        name: str = "veo",
        options: Mapping[str, JsonValue] | None = None,
        asked_seconds_ago: float = 0.0,
        interaction_id: str | None = None,
        dispatch_times: int = 1,
        attachment_size_limit: int | None = None,
        unchecked: bool = False,
    ) -> str:
        """Let a member run a command, and return the interaction's id."""
        given: dict[str, JsonValue] = {} if prompt is None else {"prompt": prompt}
        answer = await self._call(
            "POST",
            "/control/commands",
            member=member,
            channel=channel,
            name=name,
            options={**given, **(options or {})},
            asked_seconds_ago=asked_seconds_ago,
            interaction_id=interaction_id,
            dispatch_times=dispatch_times,
            attachment_size_limit=attachment_size_limit,
            unchecked=unchecked,
        )
        return str(answer["interaction_id"])

    async def button(self, member: str, message_id: str, custom_id: str) -> str:
        """Let a member press a button, and return the interaction's id."""
        answer = await self._call(
            "POST", "/control/buttons", member=member, message_id=message_id, custom_id=custom_id
        )
        return str(answer["interaction_id"])

    async def modal(self, interaction_id: str, values: Mapping[str, str]) -> str:
        """Send the form with which the bot answered an interaction, and return the new interaction's id."""
        answer = await self._call("POST", "/control/modals", interaction_id=interaction_id, values=values)
        return str(answer["interaction_id"])

    async def say(self, member: str, channel: str, content: str) -> str:
        """Let a member write, and return the message's id."""
        answer = await self._call(
            "POST", "/control/messages", member=member, channel=channel, content=content
        )
        return str(answer["message_id"])

    async def messages(self, channel: str, viewer: str) -> list[Mapping[str, JsonValue]]:
        """Return what a member sees in a channel, oldest first, as Discord's message JSON."""
        answer = await self._call("GET", f"/control/channels/{channel.lstrip('#')}/messages", viewer=viewer)
        messages = answer["messages"]
        return [m for m in messages if isinstance(m, Mapping)] if isinstance(messages, list) else []

    # What becomes of the places

    async def delete_message(self, message_id: str) -> None:
        """Delete a message, as a moderator may."""
        await self._call("DELETE", f"/control/messages/{message_id}")

    async def create_channel(
        self,
        name: str,
        *,
        type: int | None = None,  # noqa: A002  # the control API's name
        parent: str | None = None,
        nsfw: bool | None = None,
    ) -> str:
        """Create a channel or thread, and return its id."""
        answer = await self._call("POST", "/control/channels", name=name, type=type, parent=parent, nsfw=nsfw)
        return str(answer["channel_id"])

    async def delete_channel(self, channel: str) -> None:
        """Delete a channel with all its messages."""
        await self._call("DELETE", f"/control/channels/{channel.lstrip('#')}")

    async def change_channel(
        self,
        channel: str,
        *,
        deny: Sequence[str] = (),
        allow: Sequence[str] = (),
        archived: bool | None = None,
        locked: bool | None = None,
        nsfw: bool | None = None,
    ) -> None:
        """Deny or allow the bot permissions (such as VIEW_CHANNEL) in a channel, archive or lock a thread."""
        permissions = {"deny": list(deny), "allow": list(allow)}
        await self._call(
            "PATCH",
            f"/control/channels/{channel.lstrip('#')}",
            bot_permissions=permissions,
            archived=archived,
            locked=locked,
            nsfw=nsfw,
        )

    async def change_guild(
        self,
        *,
        upload_limit_bytes: int | None = None,
        premium_tier: int | None = None,
        features: Sequence[str] | None = None,
        bot_present: bool | None = None,
    ) -> None:
        """Change the guild, or remove the bot from it."""
        await self._call(
            "POST",
            "/control/guild",
            upload_limit_bytes=upload_limit_bytes,
            premium_tier=premium_tier,
            features=features,
            bot_present=bot_present,
        )

    async def gateway(self, action: str) -> None:
        """Drop, invalidate, reconnect, refuse or accept gateway sessions."""
        await self._call("POST", "/control/gateway", action=action)

    # Vertex AI

    async def vertex(
        self,
        *,
        generation_seconds: float | None = None,
        script: Sequence[Mapping[str, JsonValue]] | None = None,
        submit: str | None = None,
        models: Sequence[str] | None = None,
    ) -> None:
        """Change how long generations take, how they end, and what becomes of submissions."""
        await self._call(
            "POST",
            "/control/vertex",
            generation_seconds=generation_seconds,
            script=script,
            submit=submit,
            models=models,
        )

    async def finish(self, *, contains: str | None = None, operation: str | None = None) -> int:
        """Finish running operations now: those whose prompt contains the text, or the one of this name."""
        answer = await self._call("POST", "/control/vertex/finish", contains=contains, operation=operation)
        finishing = answer["finishing"]
        return finishing if isinstance(finishing, int) else 0

    async def _call(self, method: str, path: str, **fields: JsonValue) -> Mapping[str, JsonValue]:
        """Make one call; fields that are None are left out."""
        if self._session is None:
            msg = "Open the SandboxClient with `async with` first."
            raise RuntimeError(msg)
        given = {name: value for name, value in fields.items() if value is not None}
        query = {name: str(value) for name, value in given.items()} if method == "GET" else None
        body = given if method in {"POST", "PATCH"} else None
        async with self._session.request(method, path, params=query, json=body) as answer:
            content: JsonValue = await answer.json(content_type=None)
        if not isinstance(content, Mapping):
            raise SandboxError(
                answer.status, f"{method} {path} was answered with something else than an object."
            )
        if answer.status >= 400:
            raise SandboxError(answer.status, str(content.get("error", content)))
        return content

    async def _poll(self, after: int, kind: str | None, wait_seconds: float) -> tuple[list[Entry], int]:
        answer = await self._call("GET", "/control/ledger", after=after, wait=wait_seconds, kind=kind)
        match answer:
            case {"entries": [*entries], "last_seq": int(last_seq)}:
                return [Entry.from_json(entry) for entry in entries if isinstance(entry, Mapping)], last_seq
            case _:
                raise SandboxError(200, "The ledger was answered with something else than entries.")

    async def _explain(
        self, count: int, found: int, kind: str | None, after: int, timeout_seconds: float
    ) -> str:
        entries = await self.ledger(after)
        wanted = (
            f"{count} fitting {kind or 'ledger'} entries"
            if count > 1
            else f"a fitting {kind or 'ledger'} entry"
        )
        lines = [
            f"Waited {timeout_seconds:g} s for {wanted} and saw {found}. The last entries after {after} are:"
        ]
        for entry in entries[-_SHOWN_ENTRIES:]:
            fields = ", ".join(f"{name}={value!r}" for name, value in entry.fields.items())
            lines.append(f"  {entry.seq} {entry.at:%H:%M:%S} {entry.kind}: {fields[:_SHOWN_CHARACTERS]}")
        return "\n".join(lines if entries else [*lines, "  (none)"])
