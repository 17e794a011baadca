"""Where requests live: SQLite or PostgreSQL through SQLAlchemy Core, one transaction per step of a request's life.

Read in this order: `schema` (the tables, and a request's life in them), `database` (how a transaction is run; `sqlite`
and `postgres` run it), `requests` (the port), then `admission`, `claims`, `decisions` and `facts` (the statements).
"""
