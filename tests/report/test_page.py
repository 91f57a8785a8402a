"""The file: self-contained, small, quick, and safe whatever its strings hold."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from html.parser import HTMLParser

import pytest
from fake_run import NASTY, FakeRun
from hypothesis import given
from hypothesis import strategies as st

from lexome.report import collect, render, write_report
from lexome.report.page import embed

# Every code point, lone surrogates and NUL among them.
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), ANY_TEXT),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)


class Parts(HTMLParser):
    """Collects scripts and every attribute that could load something."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "script":
            self.scripts.append((values, ""))
        self.loads += [str(values[key]) for key in ("src", "href", "action") if key in values]

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script":
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)


@given(JSON)
def test_embedded_json_cannot_leave_its_element_and_comes_back(value: object) -> None:
    text = embed(value)
    assert text.isascii()
    assert not set("<>&") & set(text)
    assert json.loads(text) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_cannot_hold_is_an_error(value: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        embed({"loss": value})


def test_page_is_one_file_with_its_own_data_and_script(causal: FakeRun) -> None:
    page = (causal.folder / "report" / "index.html").read_text(encoding="utf-8")
    parts = Parts()
    parts.feed(page)
    assert len(parts.scripts) == 2
    (data, values), (code, script) = parts.scripts
    assert data == {"type": "application/json", "id": "report-data"}
    assert code == {}
    assert all(link.startswith(("#", "data:")) for link in parts.loads)
    assert "{{" not in page.replace(script, "")
    shown = json.loads(values)
    assert shown["samples"]["samples"][-1]["text"] == NASTY
    fresh = json.loads(embed(collect(causal.folder).to_json()))
    assert shown | {"made": ""} == fresh | {"made": ""}
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert f"script-src 'sha256-{digest}';" in policy[1]
    assert policy[1].startswith("default-src 'none'")


def test_page_is_small_and_quick(causal: FakeRun) -> None:
    started = time.monotonic()
    path = write_report(causal.folder)
    assert time.monotonic() - started < 10
    assert path.stat().st_size < 1_500_000


def test_untrusted_names_are_escaped_in_the_markup(causal: FakeRun) -> None:
    from dataclasses import replace

    data = collect(causal.folder)
    name = "<img src=x>{{script}}\udc80&"
    page = render(replace(data, summary=replace(data.summary, name=name, verdict=name)))
    page.encode("utf-8")
    assert "<img" not in page
    assert page.count("&lt;img src=x&gt;{{script}}?&amp;") == 3
