"""`python -m chaos.deploy_drill`: a rolling deploy of a whole cluster, with members asking all the while.

One process after the other is replaced: the new one starts and is ready, then the old one is told to leave (SIGTERM).
For a while both gateways of a pair are on the same shards. Judged by the sandbox's ledger and the database, with the
judges of the campaigns.

    drill    the deploy
    report   the table, and the verdict with its reasons
"""
