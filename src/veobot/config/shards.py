"""Reads which shards a process has."""

import re


def shard_numbers(text: str) -> frozenset[int]:
    """Return the numbers of a list such as `0,1` or `0-7`. Raises ValueError with what it must be."""
    numbers: set[int] = set()
    for part in filter(None, map(str.strip, text.split(","))):
        span = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", part)
        found = range(int(span[1]), int(span[2] or span[1]) + 1) if span else range(0)
        if not found:
            raise ValueError("it must be shards' numbers with commas between, such as 0,1 or 0-7.")
        numbers.update(found)
    return frozenset(numbers)
