"""Google's side: `veo` makes the videos, `bucket` is where they land.

Nothing here imports Google's libraries until the first call needs them: they cost about a second, and the gateway
must not wait for it. `*_client` and `credentials` are the modules that do.
"""
