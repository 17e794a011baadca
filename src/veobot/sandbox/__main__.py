"""`python -m veobot.sandbox`: run the sandbox until it is stopped."""

import argparse
import asyncio
import json
import logging
import signal
import sys
import tempfile
import threading
from pathlib import Path

from veobot.sandbox.clips import FORMATS
from veobot.sandbox.server import Sandbox

OWNER_ONLY = 0o600
"""The doctor looks at who can read a file of settings, also of simulated ones."""


def main(arguments: list[str] | None = None) -> int:
    """Run the sandbox; return the exit status."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        if options.directory is not None:
            return asyncio.run(_serve(options, options.directory))
        with tempfile.TemporaryDirectory(prefix="veobot-sandbox-") as directory:
            return asyncio.run(_serve(options, Path(directory)))
    except OSError as error:
        print(f"The sandbox could not start: {error}.", file=sys.stderr)  # noqa: T201  # a program's last word
        return 1
    except ValueError as error:
        print(error, file=sys.stderr)  # noqa: T201  # a program's last word
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m veobot.sandbox",
        description="A Discord, a Vertex AI and a Cloud Storage on loopback, to try the bot out in.",
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: a free one)")
    parser.add_argument(
        "--directory", type=Path, help="for credentials, attachments and bucket (default: temporary)"
    )
    parser.add_argument(
        "--control-file", type=Path, help="write address, environment and ids here once it listens"
    )
    parser.add_argument(
        "--env-file",
        type=Path,
        help="write the settings that point a bot here as a .env file, once it listens",
    )
    parser.add_argument(
        "--rate", type=float, default=1.0, help="sandbox seconds per real second (default: 1)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="makes ids, jitter and mishaps repeatable (default: 0)"
    )
    parser.add_argument("--jitter", type=float, default=0.0, help="share by which a generation's time strays")
    parser.add_argument(
        "--clip", choices=sorted(FORMATS), default="full", help="size of the simulated videos"
    )
    parser.add_argument(
        "--until-stdin-closes", action="store_true", help="end when the program that started it does"
    )
    return parser


async def _serve(options: argparse.Namespace, directory: Path) -> int:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    if options.until_stdin_closes:
        _watch_stdin(loop, stopping)
    sandbox = Sandbox(
        directory, clip=options.clip, rate=options.rate, seed=options.seed, jitter=options.jitter
    )
    await sandbox.start(options.port)
    if options.control_file is not None:
        sandbox.write_control_file(options.control_file)
    if options.env_file is not None:
        settings = (f"{name}={value}\n" for name, value in sandbox.environment().items())
        options.env_file.write_text("".join(settings), encoding="utf-8")
        options.env_file.chmod(OWNER_ONLY)
    print(json.dumps(sandbox.describe()), flush=True)  # noqa: T201  # the promised line
    try:
        await stopping.wait()
    finally:
        await sandbox.stop()
    return 0


def _watch_stdin(loop: asyncio.AbstractEventLoop, stopping: asyncio.Event) -> None:
    """Stop when standard input ends, which it does however the parent dies."""

    def wait_for_end() -> None:
        while sys.stdin.buffer.read(1024):
            pass
        loop.call_soon_threadsafe(stopping.set)

    threading.Thread(target=wait_for_end, name="veobot-stdin", daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
