"""`python -m chaos.campaign --kills 50`: the real bot, killed again and again while members keep asking.

The bot is the real one, in a process of its own; Discord, Vertex and the bucket are the sandbox, in another. From one
seed come what the members ask, what goes wrong on the wire, and when and where the bot is killed, stopped or frozen.
At the end the mishaps stop, everything must drain, and the sandbox's ledger and the database are judged: never what
the bot says of itself.

    plan     what is done to the bot, drawn from the seed
    windows  the named windows in which a crash may fall, and the calls that hold them open
    crowd    the members who keep asking
    weather  what goes wrong on the wire and in the server
    stage    one campaign: its bot, its sandbox, its judgement
    acts     the kills, one after the other
    bot      the process that is killed
    watch    the ledger as it grows
    records  the database after each kill
    memory   what it must still say at the next look
    dossier  what the ledger says of each request
    videos   whether the delivered files are the right ones
    timing   how long interrupted members wait
    judge    what the ledger and the database prove
    report   the progress line, the table, the JSON line
"""
