"""`python -m chaos.cluster --kills 50`: many real processes on one PostgreSQL, ended again and again.

Workers and gateways are processes of their own; each reaches PostgreSQL by a line of its own, which can be cut. From
one seed come what the members ask, and which process is killed, stopped, told to leave or cut off, when and for how
long. At the end everything is whole again, all must drain, and the sandbox's ledger and the database are judged.

    plan       what is done, drawn from the seed
    timeline   who was in which trouble, from when to when
    line       the way of one process to PostgreSQL: passes, hangs, refuses, resets
    machine    one process of the bot, in its role
    fleet      all of them, with their PostgreSQL and their sandbox
    records    the rows in PostgreSQL
    acts       the strikes, one after the other and beside each other
    stage      one campaign
    answers    whether every command was answered while a gateway lived
    windows    how many videos were made at once
    takeovers  how soon the requests of a process that is gone go on
    queues     whether those in line began in order when all workers were killed
    judge      all of that, beside what the one machine's judge says of each request
    report     the table, the JSON line

`python -m chaos.deploy_drill` plays a rolling deploy with the same parts.
"""
