"""A PostgreSQL server for all tests of a process, and a database with tables to copy."""

from collections.abc import Iterator

import pytest

from support.postgres import prepared_template, server_address


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of one server for all tests of this process."""
    with server_address() as address:
        yield address


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    """The name of a database that has its tables: a copy of it is there sooner than new tables."""
    with prepared_template(postgres_server) as name:
        yield name
