"""What the operator sees of a running bot: its log, and what must not be in it."""
