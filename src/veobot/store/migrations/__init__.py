"""The schema's versions, for Alembic.

A new version is written by hand in `versions`, frozen once released, and named in `migrate.REVISIONS`; `schema` and
`guards` change with it. Its `PHASE` says when it is applied, and its name which code runs on it: see `migrate`. It runs
on SQLite and on PostgreSQL. Tests compare all of that.

What is in `schema.cluster` has no versions, since all of it may be lost: it is made where it is missing. A table that
changes there gets another name, and old code goes on with the old one.
"""
