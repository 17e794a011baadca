"""Where requests live: SQLite through SQLAlchemy Core, one transaction per step of a request's life.

Read in this order: `schema` (the tables, and a request's life in them), `database` (how a transaction is run),
`requests` (the port), then `admission`, `claims`, `decisions` and `facts` (the statements).
"""
