"""Letters that the bundled text fonts lack, set so that resvg, which draws PNG files, sets the words around them right.

A browser takes a missing glyph from another font, one by one. resvg takes the whole text from the first font that has
all of it, and a raised or lowered letter (t₁, dₖ, 10⁴) would change the type of its word; so these are set as small
letters of the text's own font. Other signs (√, ∞, ⏎) come from a bundled font that has nothing but signs.
"""

from __future__ import annotations

import html
import re
import unicodedata

SHIFTS = {"<sub>": "-18%", "<super>": "38%"}
_BUNDLED = re.compile("[\\x00-\\u02ff\\u2000-\\u2bff\\ufeff\\ufffd]")
"""What the bundled fonts have, nearly: Latin, punctuation, and the blocks of signs."""
_TEXT = re.compile(r"(<text\b.*?</text>)", re.DOTALL)
_WORDS = re.compile(r">([^<]+)<")


def lettered(svg: str) -> str:
    """The same SVG, its raised and lowered letters in spans of their own."""
    return _TEXT.sub(lambda found: _WORDS.sub(lambda words: f">{_spans(html.unescape(words[1]))}<", found[1]), svg)


def needs_system_fonts(svg: str) -> bool:
    """Is there text beyond what the bundled fonts have: another script, an emoji?"""
    texts = (html.unescape(words) for found in _TEXT.findall(svg) for words in _WORDS.findall(found))
    return any(not _BUNDLED.match(letter) for words in texts for letter in words)


def _spans(words: str) -> str:
    """Neighbours that are set alike share a span."""
    runs: list[tuple[str, str]] = []
    for letter in words:
        shift, shown = _setting(letter)
        if runs and runs[-1][0] == shift:
            runs[-1] = (shift, runs[-1][1] + shown)
        else:
            runs.append((shift, shown))
    return "".join(_span(shift, html.escape(shown)) for shift, shown in runs)


def _span(shift: str, shown: str) -> str:
    return f'<tspan baseline-shift="{shift}" font-size="0.72em">{shown}</tspan>' if shift else shown


def _setting(letter: str) -> tuple[str, str]:
    kind, _, plain = unicodedata.decomposition(letter).partition(" ")
    return (SHIFTS[kind], chr(int(plain, 16))) if kind in SHIFTS and letter > "ÿ" else ("", letter)
