"""The Discord side: what members see and say. Nothing here decides what happens to a request; the core does."""
