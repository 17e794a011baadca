"""A newer version of veobot, made of the present one: it knows two more migrations, one for each phase of a deploy."""

import shutil
from pathlib import Path

import veobot

ADDS = "0004_for_0001"
REMOVES = "0005"

_PRESENT = "0003_for_0001"
_KNOWN = f'REVISIONS = ("0001", "0002_for_0001", "{_PRESENT}")'
_MIGRATION = """
from alembic import op

revision = "{revision}"
down_revision = "{earlier}"
PHASE = "{phase}"

def upgrade():
    op.execute("{statement}")
"""


def write_newer_version(directory: Path) -> None:
    """Write the newer version's package into a directory, to be put before everything on the path."""
    package = directory / "veobot"
    shutil.copytree(Path(veobot.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    migrate = package / "store" / "migrate.py"
    code = migrate.read_text(encoding="utf-8")
    assert code.count(_KNOWN) == 1, "write the newer version anew: today's has other revisions"
    newer = f'REVISIONS = ("0001", "0002_for_0001", "{_PRESENT}", "{ADDS}", "{REMOVES}")'
    migrate.write_text(code.replace(_KNOWN, newer), encoding="utf-8")
    _write_migration(package, ADDS, _PRESENT, "pre", "ALTER TABLE requests ADD COLUMN parent_id BIGINT")
    _write_migration(package, REMOVES, ADDS, "post", "DROP INDEX requests_budget")


def _write_migration(package: Path, revision: str, earlier: str, phase: str, statement: str) -> None:
    file = package / "store" / "migrations" / "versions" / f"{revision}.py"
    text = _MIGRATION.format(revision=revision, earlier=earlier, phase=phase, statement=statement)
    file.write_text(text, encoding="utf-8")
