"""What a bucket's lifecycle rules mean for videos."""

import pytest

from veobot.doctor.lifecycle import shortest_days


def rule(kind: str = "Delete", **condition: object) -> dict[str, object]:
    return {"action": {"type": kind}, "condition": condition}


@pytest.mark.parametrize(
    ("rules", "days"),
    [
        ([], None),
        ([rule(age=7)], 7),
        ([rule(age=30), rule(age=3)], 3),
        ([rule("SetStorageClass", age=1)], None),
        ([rule(numNewerVersions=3)], None),
        ([rule(age=1, isLive=False)], None),
        ([rule(age=1, matchesPrefix=["logs/"])], None),
        ([rule(age=1, matchesPrefix=["veo/"])], 1),
        ([rule(age=1, matchesPrefix=["veo/144"])], 1),
        ([rule(age=1, matchesPrefix=["logs/", "v"])], 1),
        ([rule(age="soon"), {"action": "Delete"}, "delete", None], None),
    ],
)
def test_the_first_rule_that_deletes_videos_counts(rules: list[object], days: int | None) -> None:
    assert shortest_days(rules, "veo/") == days
