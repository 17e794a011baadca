"""Which database an address means, and what is said where PostgreSQL's parts are missing."""

import subprocess
import sys
from pathlib import Path

import pytest

NEEDED = {
    "VEOBOT_DISCORD_TOKEN": "MTQ0.token",
    "VEOBOT_GOOGLE_PROJECT": "my-project-123",
    "VEOBOT_BUCKET": "my-videos",
}


INSTALL = "pip install --require-hashes -r requirements/postgres.txt"
URL = "postgresql://me:secret@127.0.0.1/veobot"


def run_without(
    parts: tuple[str, ...], directory: Path, command: str = "migrate", **settings: str
) -> tuple[int, str]:
    """Run a command of veobot's where these packages are not installed; return exit code and all that it says."""
    blocked = "".join(f"sys.modules[{part!r}] = None; " for part in parts)
    code = f"import sys; {blocked}sys.argv = ['veobot', {command!r}]; import veobot.cli; veobot.cli.main()"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=directory, env={**NEEDED, **settings}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return ended.returncode, ended.stdout + ended.stderr


def test_a_sqlite_file_needs_none_of_postgresqls_parts(tmp_path: Path) -> None:
    parts = ("greenlet", "procrastinate", "psycopg", "psycopg_pool")
    assert run_without(parts, tmp_path) == (0, "The database data/veobot.db is up to date.\n")


@pytest.mark.parametrize("command", ["migrate", "run"])
def test_postgresql_without_its_parts_is_one_sentence_that_says_how_to_install_them(
    command: str, tmp_path: Path
) -> None:
    code, said = run_without(("procrastinate", "psycopg"), tmp_path, command, VEOBOT_DATABASE_URL=URL)
    assert code == 2
    assert said == (
        f"veobot: PostgreSQL's parts are not installed (procrastinate, psycopg); add them with: {INSTALL}.\n"
    )


@pytest.mark.parametrize("command", ["migrate", "run"])
def test_psycopg_without_the_library_it_stands_on_is_one_sentence_too(command: str, tmp_path: Path) -> None:
    code, said = run_without((), tmp_path, command, VEOBOT_DATABASE_URL=URL, PSYCOPG_IMPL="c")
    assert code == 2
    assert said.startswith("veobot: PostgreSQL's parts do not work here (")
    assert said.endswith(f"install them with: {INSTALL}.\n")
    assert said.count("\n") == 1
