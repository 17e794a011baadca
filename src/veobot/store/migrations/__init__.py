"""The schema's versions, for Alembic.

A new version is written by hand in `versions`, frozen once released, and named in `migrate.REVISIONS`; `schema` and
`guards` change with it. Tests compare the two.
"""
