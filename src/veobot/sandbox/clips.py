"""Draws the clips that stand for Veo's videos: real H.264, the prompt over a slow gradient, marked as simulated."""

import math
import random
import tempfile
import unicodedata
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFilter, ImageFont

if TYPE_CHECKING:
    import av

FRAMES_PER_SECOND = 24  # what Veo makes
CAPTION = "SIMULATED CLIP · not a Veo output"

# Rendered clips are kept for their next use: a full one is about 100 KiB, so that the cache stays under 10 MiB.
CACHED_CLIPS = 64

# Speed over size: "veryfast" halves the bytes for a third more CPU.
_X264_OPTIONS = {"preset": "ultrafast", "crf": "24"}

_AUDIO_RATE_HZ = 44100
_AUDIO_PERIOD_SAMPLES = 400  # holds 2 and 3 whole waves: a fifth over 220.5 Hz, repeated without a click
_AUDIO_AMPLITUDE = 0.03

# Each palette is a small mesh of colours, dark enough for white type.
_PALETTES = (
    ("#0b1d3a", "#13476b", "#2a7f9e", "#f2a65a"),  # harbour at dusk
    ("#1a1036", "#43216b", "#8a3b7d", "#e8795a"),  # desert evening
    ("#07231f", "#0f4a42", "#2f8069", "#c9b458"),  # moss and sun
    ("#1d1a2b", "#3a3357", "#6b5b95", "#b7c9e2"),  # lavender fog
    ("#23120f", "#5a241c", "#a3472f", "#e9b872"),  # terracotta
    ("#0d1b2a", "#1b3a4b", "#3e6b6f", "#a9c5a0"),  # northern lake
)
_DRAWN_CHARACTERS = 1000  # more than the picture has room for

_LINE_SPACING = 1.3  # of the type's size

# Typographic characters that Pillow's own type lacks, and what is written instead.
_PLAIN = {"·": "-", "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "…": "."}

_MESH = (4, 3)  # colours across and down; scaled up smoothly they are the gradient


@dataclass(frozen=True, slots=True)
class ClipFormat:
    """Size of the clips: `full` for people, `small` for quick tests.

    Attributes:
        long_side_pixels: width of a 16:9 clip, height of a 9:16 one.
        fixed_seconds: the length whatever was asked for; None for the length asked for.
    """

    long_side_pixels: int
    fixed_seconds: int | None = None

    def size(self, aspect_ratio: str) -> tuple[int, int]:
        """Return width and height in pixels, both even as H.264 wants them."""
        short = self.long_side_pixels * 9 // 16 // 2 * 2
        return (short, self.long_side_pixels) if aspect_ratio == "9:16" else (self.long_side_pixels, short)


FORMATS = {"full": ClipFormat(640), "small": ClipFormat(160, fixed_seconds=1)}


@lru_cache(maxsize=CACHED_CLIPS)
def render_clip(prompt: str, duration_seconds: int, size: tuple[int, int], *, audio: bool) -> bytes:
    """Return an MP4 of this length and size that shows the prompt; the same arguments give the same picture.

    Takes about 0.1 s of CPU per second of 640 by 360 video: call it off the event loop.
    """
    import av  # noqa: PLC0415  # 40 MB that a sandbox without videos does not need

    frames = duration_seconds * FRAMES_PER_SECOND
    # A file, since the index can only be moved to the front of something that can be opened again.
    with tempfile.TemporaryDirectory(prefix="veobot-clip-") as directory:
        path = Path(directory) / "clip.mp4"
        with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
            video = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options=dict(_X264_OPTIONS))
            video.width, video.height = size
            video.pix_fmt = "yuv420p"
            video.codec_context.thread_count = 1
            sound = container.add_stream("aac", rate=_AUDIO_RATE_HZ, layout="mono") if audio else None
            for index, picture in enumerate(_pictures(prompt, frames, size)):
                frame = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]  # PyAV leaves it so
                frame.pts, frame.time_base = index, Fraction(1, FRAMES_PER_SECOND)
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
            if sound is not None:
                for samples in _tones(duration_seconds):
                    container.mux(sound.encode(samples))
                container.mux(sound.encode(None))
        return path.read_bytes()


def _pictures(prompt: str, frames: int, size: tuple[int, int]) -> Iterator[Image.Image]:
    """Yield the frames; the movement closes on itself, so that a looping player shows no jump."""
    dice = random.Random(prompt.encode(errors="replace"))  # noqa: S311  # picks colours
    palette = [_rgb(colour) for colour in dice.choice(_PALETTES)]
    cells = [
        (dice.choice(palette), dice.choice(palette), dice.random() * math.tau)
        for _ in range(_MESH[0] * _MESH[1])
    ]
    lettering = _lettering(prompt, size)
    ink, shade = Image.new("RGB", size, "white"), Image.new("RGB", size, "black")
    # A soft shadow keeps the words legible where the gradient is light.
    shadow = lettering.filter(ImageFilter.GaussianBlur(min(size) / 60)).point(lambda value: value * 0.8)
    for index in range(frames):
        turn = math.tau * index / frames
        mesh = Image.new("RGB", _MESH)
        mesh.putdata([_mix(one, other, 0.5 + 0.5 * math.sin(turn + phase)) for one, other, phase in cells])
        picture = mesh.resize(size, Image.Resampling.BICUBIC)
        picture.paste(shade, mask=shadow)
        picture.paste(ink, mask=lettering)
        yield picture


def _lettering(prompt: str, size: tuple[int, int]) -> Image.Image:
    """Return the mask of everything written: the prompt in the middle, the caption below."""
    mask = Image.new("L", size)
    draw = ImageDraw.Draw(mask)
    width, height = size
    caption_font = _font(max(7, min(size) // 26))
    caption = drawable(CAPTION, caption_font)
    draw.text((width / 2, height - min(size) * 0.06), caption, fill=190, font=caption_font, anchor="ms")
    font, lines = _fitted(prompt, size)
    line_height = font.size * _LINE_SPACING
    top = (height * 0.94 - line_height * len(lines)) / 2
    for number, line in enumerate(lines):
        draw.text((width / 2, top + number * line_height), line, fill=245, font=font, anchor="ma")
    return mask


def _fitted(prompt: str, size: tuple[int, int]) -> tuple[ImageFont.FreeTypeFont, list[str]]:
    """Return the largest type in which the prompt fits into the picture, and its lines; else cut it."""
    width, height = size
    font, lines, room = _font(8), [""], 1
    for divisor in (11, 14, 17, 21):
        font = _font(max(8, min(size) // divisor))
        lines = _wrapped(drawable(prompt, font), font, width * 0.84)
        room = int(height * 0.72 // (font.size * _LINE_SPACING))
        if len(lines) <= room:
            return font, lines
    return font, [*lines[: room - 1], "..."]


def _wrapped(text: str, font: ImageFont.FreeTypeFont, width_pixels: float) -> list[str]:
    """Break the text into lines of about this width; a word that is wider is broken inside."""
    # Measured by a wide letter, so that no piece needs to be measured itself.
    longest = max(1, int(width_pixels // font.getlength("m")))
    lines: list[str] = []
    for word in text.split():
        for piece in (word[at : at + longest] for at in range(0, len(word), longest)):
            candidate = f"{lines[-1]} {piece}" if lines else piece
            if lines and font.getlength(candidate) <= width_pixels:
                lines[-1] = candidate
            else:
                lines.append(piece)
    return lines


def drawable(text: str, font: ImageFont.FreeTypeFont) -> str:
    """Return the text with every character that the font lacks as its plain letter, or as a question mark."""
    missing = bytes(font.getmask("\uffff"))
    return "".join(_drawable_character(character, font, missing) for character in text[:_DRAWN_CHARACTERS])


def _drawable_character(character: str, font: ImageFont.FreeTypeFont, missing: bytes) -> str:
    if character.isspace():
        return " "
    if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Mn", "Me"}:
        return (
            ""  # controls, joiners, lone surrogates, marks and variation selectors have no shape of their own
        )
    plain = _PLAIN.get(character) or unicodedata.normalize("NFKD", character)[:1]
    for candidate in (character, plain):
        if bytes(font.getmask(candidate)) != missing:
            return candidate
    return "?"


@lru_cache(maxsize=16)
def _font(size_pixels: int) -> ImageFont.FreeTypeFont:
    """Return the type: DejaVu where the system has it, since it knows accents, else what Pillow brings."""
    try:
        return ImageFont.truetype("DejaVuSans.ttf", size_pixels)
    except OSError:
        font = ImageFont.load_default(size_pixels)
        if not isinstance(font, ImageFont.FreeTypeFont):
            msg = "Pillow was built without FreeType, which the clips' lettering needs."
            raise RuntimeError(msg) from None
        return font


def _tones(duration_seconds: int) -> "Iterator[av.AudioFrame]":
    """Yield a soft fifth, in frames of the size that the AAC encoder takes."""
    import av  # noqa: PLC0415  # see render_clip

    period = array(
        "f",
        (
            _AUDIO_AMPLITUDE * sum(math.sin(math.tau * waves * n / _AUDIO_PERIOD_SAMPLES) for waves in (2, 3))
            for n in range(_AUDIO_PERIOD_SAMPLES)
        ),
    )
    total = duration_seconds * _AUDIO_RATE_HZ
    frame_samples = 1024  # AAC's own
    stock = period * (frame_samples // _AUDIO_PERIOD_SAMPLES + 2)
    for start in range(0, total - frame_samples + 1, frame_samples):
        offset = start % _AUDIO_PERIOD_SAMPLES
        frame = av.AudioFrame(format="fltp", layout="mono", samples=frame_samples)
        frame.planes[0].update(stock[offset : offset + frame_samples].tobytes())
        frame.sample_rate, frame.pts, frame.time_base = _AUDIO_RATE_HZ, start, Fraction(1, _AUDIO_RATE_HZ)
        yield frame


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def _mix(one: tuple[int, int, int], other: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue
