"""Ledgers and rows of one request, written by hand, for the campaigns' judge."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from chaos.campaign.judge import Evidence, Verdict, judge
from chaos.campaign.mishaps import Mishaps
from veobot.sandbox.ledger import Entry, JsonValue

BEGAN = datetime(2026, 11, 25, 12, tzinfo=UTC)
ID, MEMBER, CHANNEL, PLACEHOLDER = "100000000000000001", "200000000000000001", "900", "41"
PROMPT = "A lighthouse number 0001 in a storm"
DONE = f"✅ **Done**\n> {PROMPT}"
LATE = f"<@{MEMBER}> your video is ready. Sorry for the wait.\n> {PROMPT}\n-# Asked <t:1:R> · request {ID}"
REASON = "⌛ **Your video didn't finish in time**\nPlease try `/veo` again."
PROGRESS = f"🎬 **Making your video: about 40 %**\n> {PROMPT}"
PRICE_MICRO_USD = 400_000
FILE: JsonValue = {
    "filename": "clip.mp4",
    "size": 1000,
    "url": "http://127.0.0.1:1/clip.mp4",
    "description": f"AI-generated video: {PROMPT}",
}


@dataclass(slots=True)
class Story:
    """One request's entries and rows, one second after the other."""

    entries: list[Entry] = field(default_factory=list)
    row: dict[str, object] = field(
        default_factory=lambda: {
            "id": int(ID),
            "user_id": int(MEMBER),
            "channel_id": int(CHANNEL),
            "prompt": PROMPT,
            "status": "completed",
            "closure": "delivered",
            "closed_at": 1,
            "charged_micro_usd": 2 * PRICE_MICRO_USD,
        }
    )
    submissions: list[dict[str, object]] = field(default_factory=list)
    mishaps: Mishaps = field(default_factory=Mishaps)
    wrong_videos: dict[str, str] = field(default_factory=dict)
    waited: timedelta = timedelta()

    @property
    def now(self) -> datetime:
        """When the next thing happens."""
        return BEGAN + timedelta(seconds=len(self.entries) + 1) + self.waited

    def wait(self, seconds: float) -> None:
        """Nothing happens for so long."""
        self.waited += timedelta(seconds=seconds)

    def close(self, closure: str) -> None:
        """The bot closes the row now."""
        self.row |= {"closure": closure, "closed_at": int(self.now.timestamp() * 1000)}

    def add(self, kind: str, **fields: JsonValue) -> Entry:
        """Something happens."""
        self.entries.append(Entry(len(self.entries) + 1, self.now, kind, fields))
        return self.entries[-1]

    def ask(self, *, acknowledged: bool = True) -> None:
        """The member runs the command."""
        self.add("interaction", id=ID, user_id=MEMBER, channel_id=CHANNEL, prompt=PROMPT)
        if acknowledged:
            self.say("🕓 **Waiting: you're 1st in line**", kind="message")
            self.add("acknowledged", interaction_id=ID, message_id=PLACEHOLDER, ephemeral=False)

    def pay(self, *, prompt: str = PROMPT, attempt: int = 1, operation_known: bool = True) -> None:
        """Vertex accepts a submission."""
        name = f"operations/{attempt}"
        entry = self.add(
            "submission",
            operation=name,
            prompt=prompt,
            storage_uri=f"gs://b/veo/{ID}/{attempt}/",
            cost_usd=PRICE_MICRO_USD / 1e6,
        )
        self.submissions.append(
            {
                "request_id": int(ID),
                "attempt": attempt,
                "operation": name if operation_known else None,
                "intended_at": int(entry.at.timestamp() * 1000),
            }
        )

    def finish(self, *, attempt: int = 1, result: str = "done", after_seconds: float = 1.0) -> None:
        """Vertex finishes it."""
        url = f"gs://b/veo/{ID}/{attempt}/sample_0.mp4" if result == "done" else None
        entry = self.add("finished", operation=f"operations/{attempt}", result=result, object=url)
        self.entries[-1] = Entry(
            entry.seq, entry.at + timedelta(seconds=after_seconds), "finished", entry.fields
        )

    def say(self, content: str, *, kind: str = "edit", **changes: JsonValue) -> None:
        """The placeholder says this from now on."""
        fields: dict[str, JsonValue] = {
            "message_id": PLACEHOLDER,
            "channel_id": CHANNEL,
            "interaction_id": ID,
            "content": content,
            "attachments": [],
            "ephemeral": False,
            "reply_to": None,
            "mentions": [],
        }
        self.add(kind, **{**fields, **changes})

    def deliver(self, **changes: JsonValue) -> None:
        """The placeholder becomes the video."""
        self.say(**{"content": DONE, "attachments": [FILE], **changes})  # type: ignore[arg-type]  # the content is text

    def post(self, **changes: JsonValue) -> None:
        """A new message carries the video."""
        fields: dict[str, JsonValue] = {
            "message_id": "51",
            "interaction_id": None,
            "attachments": [FILE],
            "reply_to": PLACEHOLDER,
            "mentions": [MEMBER],
        }
        content = str(changes.pop("content", LATE))
        self.say(content, kind="message", **{**fields, **changes})

    def judged(self, *, stored: bool = True) -> Verdict:
        """Return the judgement."""
        return judge(
            Evidence(
                entries=self.entries,
                requests=[self.row] if stored else [],
                submissions=self.submissions,
                mishaps=self.mishaps,
                wrong_videos=self.wrong_videos,
                submit_timeout=timedelta(seconds=60),
                generation_deadline=timedelta(minutes=10),
            )
        )


def told() -> Story:
    """A request that went well."""
    story = Story()
    story.ask()
    story.pay()
    story.finish()
    story.deliver()
    return story
