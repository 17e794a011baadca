"""A command that was refused and is told again by the gateway: nothing was promised, so nothing is paid."""

import sqlite3
from contextlib import closing

from support.bot import Bot
from veobot.sandbox.client import SandboxClient


async def test_a_refusal_is_not_taken_for_an_acknowledgement(bot: Bot, sandbox: SandboxClient) -> None:
    with closing(sqlite3.connect(bot.process.database_path, isolation_level=None)) as other_program:
        other_program.execute("BEGIN IMMEDIATE")
        request_id = await sandbox.command("mira", "A red fox running through fresh snow")
        refusal = await sandbox.wait_for(lambda e: e.fields["interaction_id"] == request_id, kind="message")
        other_program.execute("ROLLBACK")
    assert refusal.fields["ephemeral"] is True

    await sandbox.command("mira", "A red fox running through fresh snow", interaction_id=request_id)

    row = await bot.closed(request_id)
    assert row["closure"] == "unacknowledged"
    assert row["charged_micro_usd"] == 0
    assert await bot.paid(request_id) == []
