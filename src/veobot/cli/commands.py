"""Every command of `veobot`, and what it starts."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from veobot import __version__
from veobot.core.errors import VeobotError

from .requests import requests

app = typer.Typer(
    name="veobot",
    help="A Discord bot that makes videos with Vertex AI Veo and never loses a request.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(requests, name="requests")


class SandboxMissing(VeobotError):
    """The sandbox's parts are not installed; add them with: pip install 'veobot[sandbox]'."""


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"veobot {__version__}")
        raise typer.Exit


@app.callback()
def veobot(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A Discord bot that makes videos with Vertex AI Veo and never loses a request."""


@app.command()
def run(
    role: Annotated[
        str | None,
        typer.Option(
            help="What this process does: all, gateway (takes commands) or worker (makes videos). By default "
            "VEOBOT_ROLE, else all."
        ),
    ] = None,
) -> None:
    """Run the bot, until SIGTERM or Ctrl-C."""
    from veobot.app import run as run_bot  # noqa: PLC0415 -- each command pays only for its own imports
    from veobot.config import load_settings  # noqa: PLC0415

    raise typer.Exit(run_bot(load_settings(said={"VEOBOT_ROLE": role})))


@app.command()
def doctor() -> None:
    """Try every real thing the bot needs, and say what mends it. Exit code 1 if something is wrong."""
    from veobot.config import load_settings  # noqa: PLC0415
    from veobot.doctor import examine  # noqa: PLC0415

    raise typer.Exit(asyncio.run(examine(load_settings())))


class Phase(StrEnum):
    """Which half of the migrations."""

    PRE = "pre"
    POST = "post"


@app.command()
def migrate(
    phase: Annotated[
        Phase | None,
        typer.Option(
            help="While a new version is rolled out: pre before its first process starts, post once the last old one "
            "is gone. By default both."
        ),
    ] = None,
) -> None:
    """Bring the database's schema up to date. `veobot run` does so by itself; on PostgreSQL only the phase pre."""
    from veobot.app import migrate as migrate_database  # noqa: PLC0415
    from veobot.config import load_settings  # noqa: PLC0415

    typer.echo(migrate_database(load_settings(), phase))


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 8642,
    directory: Annotated[
        Path, typer.Option(help="Where credentials, the bucket and attachments are kept.")
    ] = Path("data/sandbox"),
    control_file: Annotated[
        Path | None, typer.Option(help="Write addresses, environment and ids here once it listens.")
    ] = None,
    env_file: Annotated[
        Path | None, typer.Option(help="Write the settings that point a bot here to this .env file.")
    ] = None,
    rate: Annotated[float, typer.Option(help="How much faster than the wall's its clock runs.")] = 1.0,
) -> None:
    """Run a Discord, a Vertex AI and a bucket on loopback, to try the bot without any account."""
    try:
        from veobot.sandbox.__main__ import main as run_sandbox  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise SandboxMissing from error
    arguments = ["--port", str(port), "--directory", str(directory), "--rate", str(rate)]
    if control_file is not None:
        arguments += ["--control-file", str(control_file)]
    if env_file is not None:
        arguments += ["--env-file", str(env_file)]
    raise typer.Exit(run_sandbox(arguments))


@app.command()
def demo(
    no_recovery: Annotated[
        bool,
        typer.Option("--no-recovery", help="Switch resumption off, to see what then becomes of requests."),
    ] = False,
    json: Annotated[
        Path | None, typer.Option(help="Write the simulated world's ledger to this file.")
    ] = None,
) -> None:
    """Kill the bot with seven requests in seven states, start it again, and judge by the world's ledger."""
    try:
        from veobot.demo import run_demo  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise SandboxMissing from error
    raise typer.Exit(run_demo(recovery=not no_recovery, ledger_file=json))
