"""A PostgreSQL server for all tests of a process, and databases on it for each test."""

from collections.abc import Iterator

import pytest

from support.postgres import fresh_database, prepared_template, server_address


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


@pytest.fixture
def url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """The address of a database of the test's own that has its tables."""
    with fresh_database(postgres_server, postgres_template) as url:
        yield url


@pytest.fixture
def empty_url(postgres_server: str) -> Iterator[str]:
    """The address of a database of the test's own without any tables."""
    with fresh_database(postgres_server) as url:
        yield url
