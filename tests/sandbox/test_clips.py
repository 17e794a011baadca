"""The simulated clips are real videos, whatever the prompt."""

import io
from dataclasses import dataclass

import av
import pytest

from veobot.sandbox.clips import FORMATS, FRAMES_PER_SECOND, render_clip


@dataclass
class Decoded:
    codec: str
    pixel_format: str
    size: tuple[int, int]
    frames: int
    sound: list[str]


def decode(clip: bytes) -> Decoded:
    with av.open(io.BytesIO(clip), "r") as container:
        video = container.streams.video[0]
        frames = [frame.format.name for frame in container.decode(video)]
        return Decoded(
            codec=video.codec_context.name,
            pixel_format=frames[0],
            size=(video.width, video.height),
            frames=len(frames),
            sound=[stream.codec_context.name for stream in container.streams.audio],
        )


@pytest.mark.parametrize(
    ("aspect_ratio", "size"), [("16:9", (640, 360)), ("9:16", (360, 640))], ids=["wide", "tall"]
)
def test_a_full_clip_is_h264_of_the_asked_length_and_shape(aspect_ratio: str, size: tuple[int, int]) -> None:
    assert FORMATS["full"].size(aspect_ratio) == size
    decoded = decode(render_clip("A red fox running through fresh snow", 4, size, audio=True))
    assert decoded == Decoded("h264", "yuv420p", size, 4 * FRAMES_PER_SECOND, ["aac"])


def test_without_sound_there_is_no_audio_track() -> None:
    size = FORMATS["small"].size("16:9")
    assert decode(render_clip("silence", 1, size, audio=False)).sound == []


def test_the_index_comes_before_the_frames_so_that_players_start_at_once() -> None:
    clip = render_clip("fast start", 1, (160, 90), audio=True)
    assert 0 < clip.index(b"moov") < clip.index(b"mdat")


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        " ",
        "\x00\n\t\x1b",
        "漢字 🦊👩‍👩‍👧 العربية é ä ß",
        "\ud800 a lone surrogate",
        "a" * 3000,
        "word " * 1200,
    ],
    ids=["empty", "space", "controls", "scripts", "surrogate", "one-word", "essay"],
)
def test_any_prompt_can_be_drawn(prompt: str) -> None:
    decoded = decode(render_clip(prompt, 1, (160, 90), audio=False))
    assert (decoded.codec, decoded.frames) == ("h264", FRAMES_PER_SECOND)


def test_different_prompts_look_different() -> None:
    first = render_clip("A red fox", 1, (160, 90), audio=False)
    assert first != render_clip("A blue whale", 1, (160, 90), audio=False)
