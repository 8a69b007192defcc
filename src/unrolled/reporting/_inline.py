"""Matplotlib's SVG as part of a page: no styles of its own, its colours those of the page's scheme, its words text."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

_SVG, _LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_LEFT_TO_THE_PAGE = {"font-family", "stroke-dashoffset"}


def inline(svg: str, name: str, says: str, kind: str) -> str:
    """An `<svg class=kind>` to stand in HTML.

    Args:
        svg: what `drawing.svg(…, words=True)` gives.
        name: of this picture, unlike all others of the page.
        says: what is seen, for those who hear it.
        kind: its class.
    """
    tree = ET.fromstring(re.sub(r"<!DOCTYPE[^>]*>", "", svg))
    used = set(re.findall(r'(?:url\(#|href="#)([\w.-]+)', svg))
    for each in list(tree.iter()):
        _plain(each, name, used)
    for parent in list(tree.iter()):
        for child in list(parent):
            if child.tag in (f"{_SVG}style", f"{_SVG}metadata") or _empty(child):
                parent.remove(child)
    box = tree.attrib["viewBox"].split()
    tree.attrib = {"viewBox": tree.attrib["viewBox"], "width": box[2], "height": box[3], "class": kind, "role": "img"}
    tree.attrib["aria-label"] = says
    text = ET.tostring(tree, encoding="unicode", default_namespace=None)
    text = re.sub(r"(</?)ns\d+:", r"\1", text).replace("xlink:href", "href")
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text)
    return re.sub(r"\s*\n\s*", " ", re.sub(r"> +<", "><", re.sub(r"\n\s*<", "<", text)))


def _plain(each: ET.Element, name: str, used: set[str]) -> None:
    """Styles become attributes, references stay within the picture."""
    said = each.attrib
    for part in said.pop("style", "").split(";"):
        key, _, value = part.partition(":")
        if key.strip() and key.strip() not in _LEFT_TO_THE_PAGE:
            said[key.strip()] = value.strip()
    if said.get("id") in used:
        said["id"] = f"{name}-{said['id']}"
    else:
        said.pop("id", None)
    if _LINK in said:
        said["href"] = said.pop(_LINK).replace("#", f"#{name}-")
    if "clip-path" in said:
        said["clip-path"] = said["clip-path"].replace("#", f"#{name}-")
    if re.fullmatch(r"rotate\(-?0 .*", said.get("transform", "")):
        del said["transform"]
    for key, value in said.items():
        said[key] = _NUMBER.sub(lambda found: f"{float(found[0]):.2f}", value)


def _empty(each: ET.Element) -> bool:
    """A path that shows nothing, or a group without anything."""
    invisible = each.tag == f"{_SVG}path" and each.get("fill") == "none" and "stroke" not in each.attrib
    return (invisible and "id" not in each.attrib) or (each.tag == f"{_SVG}g" and not len(each))
