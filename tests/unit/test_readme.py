"""What the documents say is what the code does, as far as a program can compare them."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import discord
import pytest

from support.readme import README, with_tables

ROOT = README.parent
PACKAGE = ROOT / "src" / "veobot"
DOCUMENTS = (README, *sorted((ROOT / "docs").rglob("*.md")))
LOG_METHODS = {"info", "warning", "error", "exception"}
OTHER_PROGRAMS = {"sandbox", "demo", "doctor"}
"""Parts that do not write the bot's log."""
SANDBOX_PARTS = ("av", "gcp_storage_emulator", "PIL")
"""What the bot alone is installed without; cryptography comes with Google's libraries."""


def test_the_readmes_tables_are_those_of_the_code() -> None:
    text = README.read_text(encoding="utf-8")
    assert text == with_tables(text), "run: .venv/bin/python tests/support/readme.py"


def test_the_invite_link_asks_for_what_the_bot_needs_and_nothing_else() -> None:
    needed = discord.Permissions(
        view_channel=True,
        send_messages=True,
        send_messages_in_threads=True,
        embed_links=True,
        attach_files=True,
        read_message_history=True,
    )
    text = README.read_text(encoding="utf-8")
    assert f"&scope=bot+applications.commands&permissions={needed.value}\n" in text


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    targets = [t for t in re.findall(r"\]\(([^)\s]+)\)", text) if not t.startswith(("http", "#"))]
    missing = [t for t in targets if not (document.parent / t.partition("#")[0]).exists()]
    assert missing == []


def test_every_file_that_the_architecture_names_exists() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:\w+/)+\w+\.py)`", text)
    assert len(named) > 20
    missing = [n for n in named if not (PACKAGE / n).exists() and not (ROOT / n).exists()]
    assert missing == []


def test_every_event_of_the_log_is_explained_and_no_other() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    first_cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    explained = {event for cell in first_cells for event in re.findall(r"`([^`]+)`", cell)}
    assert explained == set(_logged_events())


def test_every_decision_is_in_the_list() -> None:
    directory = ROOT / "docs" / "adr"
    listed = re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", (directory / "README.md").read_text(encoding="utf-8"))
    assert listed == sorted(p.name for p in directory.glob("[0-9]*.md"))


def test_without_the_sandboxs_parts_the_bot_runs_and_the_sandbox_says_what_is_missing(tmp_path: Path) -> None:
    assert "3 settings are wrong or missing." in _veobot("run", tmp_path)
    sentence = "The sandbox's parts are not installed; add them with: pip install 'veobot[sandbox]'."
    assert _veobot("sandbox", tmp_path) == f"veobot: {sentence}\n"
    assert _veobot("demo", tmp_path) == f"veobot: {sentence}\n"


def test_the_bot_imports_none_of_the_sandboxs_parts(tmp_path: Path) -> None:
    imports = "import veobot.app, veobot.vertex.veo_client, veobot.vertex.storage_client, veobot.cli.requests"
    code = f"{_blocking(SANDBOX_PARTS)}; {imports}; print('imported')"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ended.stdout == "imported\n"


def _veobot(command: str, directory: Path) -> str:
    """Run a command as it is where only the bot is installed; return what it says on standard error."""
    code = f"{_blocking(SANDBOX_PARTS)}; sys.argv = ['veobot', {command!r}]; import veobot.cli; veobot.cli.main()"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=directory, env={}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2, ended.stderr
    return ended.stderr


def _blocking(parts: tuple[str, ...]) -> str:
    """Return code after which importing these, or looking for them, fails as if they were not installed."""
    return (
        f"import sys; P = {parts!r}; "
        "F = type('Blocked', (), {'find_spec': staticmethod(lambda name, *a: "
        "(_ for _ in ()).throw(ModuleNotFoundError(name=name)) if name.partition('.')[0] in P else None)}); "
        "sys.meta_path.insert(0, F)"
    )


def _logged_events() -> Iterator[str]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.relative_to(PACKAGE).parts[0] not in OTHER_PROGRAMS:
            yield from _events_in(ast.parse(path.read_text(encoding="utf-8")))
    # Named by a variable, since one line says either.
    yield from ("library.warning", "library.error")


def _events_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr=method), args=[ast.Constant(value=str(event)), *_]):
                if method in LOG_METHODS:
                    yield event
