"""The life of a request, and nothing of Discord, Google, SQL or the process's own clock.

Read in this order: `request` (the words), `steps` (what comes next, read off the rows), `lifecycle` (the loop
that does it), `delivery` (the one visible outcome), `recovery` (start-up). `ports` names what they need.
"""
