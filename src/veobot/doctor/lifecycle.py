"""What a bucket's lifecycle rules mean for videos."""

from collections.abc import Iterable, Mapping


def shortest_days(rules: Iterable[object], prefix: str) -> int | None:
    """Return after how many days the first rule deletes objects under the prefix, None if none does.

    `rules` are as Cloud Storage writes them: `{"action": {"type": "Delete"}, "condition": {"age": 7}}`.
    """
    ages = (_age_days(rule, prefix) for rule in rules if isinstance(rule, Mapping))
    return min((age for age in ages if age is not None), default=None)


def _age_days(rule: Mapping[str, object], prefix: str) -> int | None:
    match rule:
        case {"action": {"type": "Delete"}, "condition": Mapping() as condition}:
            age, prefixes = condition.get("age"), condition.get("matchesPrefix") or [""]
        case _:
            return None
    if not isinstance(age, int) or not isinstance(prefixes, list):
        return None
    if condition.get("isLive") is False:
        return None  # only older versions of objects that were overwritten
    meant = any(prefix.startswith(str(start)) or str(start).startswith(prefix) for start in prefixes)
    return age if meant else None
