"""The report on the claims: what was measured of each, as a page, as Markdown with pictures, as JSON.

`_entries` says what stands in it, `_page` and `_plain` write it, `_drawing` draws pictures with Matplotlib.
"""

from __future__ import annotations

from unrolled.reporting._writing import FORMATS, writing

__all__ = ["FORMATS", "writing"]
