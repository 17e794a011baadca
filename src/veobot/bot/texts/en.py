"""Every sentence the bot says, in English.

The form is the same everywhere: the status line first, in words, with one plain emoji; the prompt quoted; then what it
means; at the end one small line. Discord shows `<t:…:R>` as a time that counts by itself.
"""

from dataclasses import dataclass

from veobot.core.failures import Failure

# -- while it works

WAITING = """\
🕓 **Waiting: you're {place} in line**
{quote}
Starts about <t:{starts_at}:R> · {options}
-# You can leave. I'll post it here, and a restart won't lose your place."""

GENERATING = """\
🎬 **Making your video: {share}** `{bar}`
{quote}
{when}
-# {options} · the bar is an estimate"""

RESUMED = """\
🎬 **Still making your video: {share}** `{bar}`
{quote}
{when}
-# I restarted <t:{restarted_at}:R>; your video kept going."""

SHARE = "about {percent} %"
JUST_STARTED = "just started"
USUALLY_READY = "Usually ready <t:{ready_at}:R>"
LONGER_THAN_USUAL = "This one takes longer than usual."

CHECKING = """\
🔎 **Looking for your video**
{quote}
Google's answer got lost on the way. I watch for the video until <t:{until}:t>, so that it isn't made twice.
-# {options}"""

OPTIONS = "{duration} s, {aspect_ratio}, {resolution}, sound {sound}"
WITH_NEGATIVE_PROMPT = ", with a negative prompt"
SOUND = {True: "on", False: "off"}

# -- the video is there

DONE = """\
✅ **Done**
{quote}{link}
-# AI-generated with {model} · {duration} s · {resolution} · seed {seed}{took}"""

DONE_LATE = """\
<@{user_id}> your video is ready. Sorry for the wait.
{quote}{link}
-# Asked <t:{asked_at}:R> · AI-generated with {model} · {duration} s · {resolution} · request {request_id}{restart}"""

TOOK = " · took {duration}"
RESTARTED = "\n-# Resumed after bot restart"
TOO_LARGE = "\nThe file is too large for this place: [watch it here]({url}), until <t:{until}:F>"
NOT_ATTACHED = "\nThe file couldn't be attached here: [watch it here]({url}), until <t:{until}:F>"

ATTACHMENT = "AI-generated video: {prompt}"

POINTER_DONE = "✅ Finished: [see the video]({url})"
POINTER_ENDED = "🏁 Ended: [see what happened]({url})"

# -- there is no video


@dataclass(frozen=True, slots=True)
class FailureText:
    """What a member reads about a failure."""

    headline: str
    explanation: str
    next_step: str = "Your allowance is unchanged. Please try `/veo` again."
    quotes_prompt: bool = True
    """False where the prompt itself may be why: it is not repeated in public."""


_REWORD = "Your video allowance is unchanged. Change the prompt and try `/veo` again."

FAILURES: dict[Failure, FailureText] = {
    Failure.EXPIRED: FailureText(
        "⌛ **Your request expired**",
        "It was more than {expiry_hours} hours old before I could finish it.",
    ),
    Failure.UNREACHABLE: FailureText(
        "🚫 **I couldn't post your video here**",
        "This channel was closed to me when your video was due.",
    ),
    Failure.FILTERED: FailureText(
        "🚫 **This one couldn't be made**",
        "Google's safety filter stopped it. It can be wrong; different words often help.",
        _REWORD,
        quotes_prompt=False,
    ),
    Failure.PROVIDER_BUSY: FailureText(
        "🚦 **Google was too busy for your video**",
        "This bot's quota at Google is used up for the moment, so nothing was made.",
    ),
    Failure.PROVIDER_UNAVAILABLE: FailureText(
        "🔌 **Google couldn't be reached**",
        "Its video service didn't answer for {patience_minutes} minutes, so nothing was made.",
    ),
    Failure.PROVIDER_ERROR: FailureText(
        "⚠️ **Google couldn't make your video**",
        "It reported an error of its own while making it.",
    ),
    Failure.MODEL_RETIRED: FailureText(
        "⚠️ **Google no longer offers {model} here**",
        "Whoever runs this bot has to choose another model first.",
        "Your allowance is unchanged. Try `/veo` again after that.",
    ),
    Failure.REJECTED: FailureText(
        "🚫 **Google didn't accept this request**",
        "It refused the prompt or its options. Different words often help.",
        _REWORD,
        quotes_prompt=False,
    ),
    Failure.NO_VIDEO: FailureText(
        "⚠️ **Google finished without a video**",
        "It said that it was done, but there was nothing to play.",
    ),
    Failure.TIMED_OUT: FailureText(
        "⌛ **Your video didn't finish in time**",
        "Nothing came back from Google within {deadline_minutes} minutes, so I stopped waiting.",
    ),
    Failure.LOST_AT_RESTART: FailureText(
        "⌛ **Your video didn't finish in time**",
        "I restarted while it was being made, and Google no longer knew it afterwards.",
    ),
    Failure.ANSWER_LOST: FailureText(
        "⚠️ **I lost track of your video**",
        "I couldn't learn whether Google accepted it, and no video appeared. I don't ask a third time.",
    ),
    Failure.VIDEO_LOST: FailureText(
        "⚠️ **Your video got lost**",
        "It was finished, but no longer there when I came to post it.",
    ),
    Failure.INTERNAL: FailureText(
        "⚠️ **Something went wrong on my side**",
        "It's an error in this bot, not in your prompt. It has been logged.",
    ),
}

CANCELLED = FailureText(
    "✖️ **Cancelled before it started**",
    "Nothing was spent, and the video is back in your allowance.",
    "You can try `/veo` again at any time.",
)

CANCELLED_RUNNING = FailureText(
    "✖️ **Cancelled: I won't post this video**",
    "Google can't stop one that is running, so it still counts.",
    "You can try `/veo` again at any time.",
)

REQUEST_LINE = "-# Request {request_id}"
LATE_FAILURE = "<@{user_id}> about your `/veo` from <t:{asked_at}:R>:"

# -- refused at the door: ephemeral

PROMPT_BACK = "Your prompt, so you don't lose it:"
NEGATIVE_PROMPT_BACK = "And what should not be in it:"

PROMPT_TOO_SHORT = """\
✏️ **Your prompt is too short**
It has {length}; I need {minimum} to {maximum:,}. Say what should be seen, and try `/veo` again."""
PROMPT_TOO_LONG = """\
✏️ **Your prompt is too long**
It has {length}; I can take {minimum} to {maximum:,}. Shorten it, and try `/veo` again."""
PROMPT_UNPRINTABLE = """\
✏️ **There's nothing to read in your prompt**
It holds only spaces or invisible characters. Say what should be seen, and try `/veo` again."""
NEGATIVE_PROMPT_TOO_LONG = """\
✏️ **Your negative prompt is too long**
It has {length}; I can take {maximum:,}. Shorten it, and try `/veo` again."""
NEGATIVE_PROMPT_UNPRINTABLE = """\
✏️ **There's nothing to read in your negative prompt**
It holds only spaces or invisible characters. Say what should not be seen, or leave it out, and try `/veo` again."""
UNKNOWN_OPTION = """\
✏️ **I can't do {option} {value}**
Possible: {allowed}. Choose one of these, and try `/veo` again."""
NEEDS_FULL_LENGTH = """\
✏️ **{resolution} needs {duration} s**
The model makes {resolution} only at {duration} s. Choose `duration` {duration} s or a lower `resolution`, \
and try `/veo` again."""
WRONG_CHANNEL = """\
📍 **I don't make videos in this channel**
Try `/veo` in {channels}."""
MORE_CHANNELS = "{channels} and {count} more"
NOT_AGE_RESTRICTED = """\
🔞 **Only in age-restricted channels**
Whoever runs this bot allows videos there only. Try `/veo` in one of them."""
OVER_QUOTA = """\
🕓 **You've used your {videos} for {window}**
Your next one is possible <t:{next_at}:R>, at <t:{next_at}:{style}>."""
BUDGET_SPENT = """\
🕓 **The budget for videos is used up**
Everybody here shares it, and it counts the last 24 hours. Your allowance is unchanged.
The next video is possible <t:{next_at}:R>, at <t:{next_at}:t>."""
BUDGET_TOO_SMALL = """\
🕓 **This video costs more than a whole day's budget**
A shorter one, a lower `resolution`, a cheaper `model` or one without sound may fit. Your allowance is unchanged."""
QUEUE_FULL = """\
🕓 **The line is full**
{waiting} videos are waiting already. Your allowance is unchanged. The next place is free in a few minutes: \
try `/veo` again then."""

NO_RECORDS = """\
⚠️ **I can't take requests at the moment**
I can't reach my records, and without them I could lose yours. Nothing was charged, and your allowance is unchanged.
Please try `/veo` again in a few minutes."""
STOPPING = """\
🔄 **I'm just restarting**
Nothing was charged, and your allowance is unchanged. Please try `/veo` again in a minute."""

SERVERS_ONLY = "📍 **Only in servers**\nI make videos in server channels. Try `/veo` in one of them."
OUTDATED_COMMAND = """\
🔄 **This command has changed**
Your Discord still shows an older form of it. Reload Discord (Ctrl+R), and try again. Nothing was charged."""
UNEXPECTED = """\
⚠️ **Something went wrong on my side**
The error has been logged. Please try again."""

OUTDATED_BUTTON = """\
🔄 **This button is from an older version**
It no longer does anything. Give the command again for a new one."""

# -- looked up: ephemeral

QUOTA_USED = "🕓 **You've used {used:,} of your {videos} for {window}**"
NEXT_BACK = " The next one comes back <t:{next_at}:R>."
COST = "Videos of {window} cost about ${dollars}: an estimate at Google's list prices, not a bill."
NOT_COUNTED = "-# What couldn't be made doesn't count toward your videos."

HISTORY = "🎞️ **Your videos, the newest first**"
HISTORY_EMPTY = """\
🎞️ **There are no videos of yours yet**
What you ask for with `/veo` is listed here."""
ENTRY = """\
**{number}. {state}** · asked <t:{asked_at}:R>{jump}
{quote}"""
UNREADABLE_ENTRY = """\
**{number}. I can't read my record of this one**
-# Request {request_id}"""
JUMP = " · [go to it]({url})"
LINKS_UNTIL = "-# The links below work until <t:{until}:f>, for whoever has them."
WATCH = "Watch {number}: {prompt}"
NEWER = "Newer"
OLDER = "Older"

STATE_WAITING = "Waiting"
STATE_BEING_MADE = "Being made"
STATE_DONE = "Done"
STATE_CANCELLED = "Cancelled"
STATE_FAILED = "Failed"
STATE_FAILED_WHY = "Failed: {why}"
FAILURES_IN_SHORT: dict[Failure, str] = {
    Failure.EXPIRED: "it waited too long",
    Failure.UNREACHABLE: "I couldn't post it there",
    Failure.FILTERED: "Google's safety filter stopped it",
    Failure.PROVIDER_BUSY: "Google was too busy",
    Failure.PROVIDER_UNAVAILABLE: "Google couldn't be reached",
    Failure.PROVIDER_ERROR: "Google had an error of its own",
    Failure.MODEL_RETIRED: "Google no longer offers the model",
    Failure.REJECTED: "Google didn't accept it",
    Failure.NO_VIDEO: "Google finished without a video",
    Failure.TIMED_OUT: "it didn't finish in time",
    Failure.LOST_AT_RESTART: "it didn't finish in time",
    Failure.ANSWER_LOST: "I lost track of it",
    Failure.VIDEO_LOST: "the video got lost",
    Failure.INTERNAL: "something went wrong on my side",
}

NOTHING_TO_LOOK_UP = """\
⚠️ **I can't look anything up at the moment**
I can't reach my records. Nothing is lost. Please try again in a few minutes."""

# -- the commands' own forms

QUOTA_DESCRIPTION = "How many videos you have left, and when the next one comes back"
HISTORY_DESCRIPTION = "Your own videos, the newest first, with fresh links"
COMMAND_DESCRIPTION = "Make a short video from words with Google's Veo"
PROMPT_DESCRIPTION = "What should be seen and heard, in {minimum} to {maximum:,} characters"
DURATION_DESCRIPTION = "How long it is ({default} s if you don't choose)"
ASPECT_RATIO_DESCRIPTION = "The shape of the picture ({default} if you don't choose)"
RESOLUTION_DESCRIPTION = "How sharp it is; 1080p needs 8 s ({default} if you don't choose)"
AUDIO_DESCRIPTION = "Whether it has sound ({default} if you don't choose)"
NEGATIVE_PROMPT_DESCRIPTION = "What should not be in it, in up to {maximum:,} characters"
SEED_DESCRIPTION = "Repeats the randomness of the video that shows this number (random if you don't choose)"
MODEL_DESCRIPTION = "Which model makes it; prices are for 720p with sound ({default} if you don't choose)"
MODEL_CHOICE = "{model} · ${dollars_per_second:.2f} a second"
DURATION_CHOICE = "{seconds} seconds"
LANDSCAPE = "16:9, landscape"
PORTRAIT = "9:16, portrait"


# -- grammar


def ordinal(number: int) -> str:
    """Return 1st, 2nd, 3rd, 4th … 11th, 12th, 13th … 21st."""
    if number % 100 in {11, 12, 13}:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def count(number: int, singular: str) -> str:
    """Return a number with its noun: 1 video, 5 videos."""
    return f"{number:,} {singular if number == 1 else singular + 's'}"


def window(seconds: float) -> str:
    """Return a span in the largest unit it is whole in: these 24 hours, these 90 minutes, this hour."""
    minutes = round(seconds / 60)
    number, unit = (minutes, "minute") if minutes % 60 else (minutes // 60, "hour")
    return f"this {unit}" if number == 1 else f"these {count(number, unit)}"


def videos(quota: int) -> str:
    """Return what a quota holds: "5 videos", or just "video" for one."""
    return "video" if quota == 1 else f"{quota:,} videos"


def left(number: int) -> str:
    """Return how many videos are left, as a sentence."""
    return {0: "None is left.", 1: "1 is left."}.get(number, f"{number:,} are left.")


def dollars(micro_usd: int) -> str:
    """Return an amount in US dollars, to the cent: 1.20."""
    cents = (micro_usd + 5_000) // 10_000
    return f"{cents // 100:,}.{cents % 100:02}"


def elapsed(seconds: float) -> str:
    """Return how long something took: 53 s, 1 min 53 s, 2 min."""
    minutes, rest = divmod(round(seconds), 60)
    parts = [f"{minutes} min"] if minutes else []
    if rest or not minutes:
        parts.append(f"{rest} s")
    return " ".join(parts)
