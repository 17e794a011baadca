"""A Discord, a Vertex AI and a Cloud Storage on loopback: the world in which the bot is tried out and judged.

It runs as a process of its own, so that the bot can be killed while the world remembers, and it imports
nothing of the bot: what it counts and what it charges is its own account.
"""
