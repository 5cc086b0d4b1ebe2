"""Every page in every state: strict, nothing inline, and nothing said that should not be."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask

from tests.unit.sample_pages import PAGES, render, sample_app

ROOT = Path(__file__).parents[2]
VOID = {"area", "base", "br", "circle", "hr", "img", "input", "link", "meta", "path", "rect"}


class Page(HTMLParser):
    """What the checks need of a page; raises when a tag is closed that was not open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another tag"

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


@pytest.fixture(scope="module")
def app() -> Flask:
    return sample_app()


@pytest.mark.parametrize("name", PAGES)
def test_tags_are_closed_and_ids_are_used_once(app: Flask, name: str) -> None:
    page = Page(render(app, name))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]

    assert page.open == []
    assert sorted(set(ids), key=str) == sorted(ids, key=str)


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_inline_and_nothing_is_fetched_from_elsewhere(app: Flask, name: str) -> None:
    page = Page(render(app, name))

    assert page.all("style") == []
    for tag, attributes in page.tags:
        assert not [a for a in attributes if a == "style" or a.startswith("on")], (tag, attributes)
        if tag in ("script", "link", "img"):
            source = str(attributes.get("src") or attributes.get("href"))
            assert source.startswith("/static/"), source


@pytest.mark.parametrize("name", PAGES)
def test_every_form_that_changes_something_carries_its_token(app: Flask, name: str) -> None:
    text = render(app, name)

    forms = re.findall(r'<form method="post".*?</form>', text, re.DOTALL)

    assert len(forms) == text.count("<form")
    assert all('name="csrf_token" value="sample-token"' in form for form in forms)


@pytest.mark.parametrize("name", PAGES)
def test_titles_say_nothing_of_what_the_service_is_for(app: Flask, name: str) -> None:
    found = re.search(r"<title>(.*?)</title>", render(app, name))

    assert found is not None
    assert re.fullmatch(r"Waymark - \S.*", found[1])
    assert not re.search(r"refuge|woman|women|bed|victim|police|traffick", found[1], re.IGNORECASE)


@pytest.mark.parametrize("name", PAGES)
def test_every_error_links_to_a_field_of_the_page(app: Flask, name: str) -> None:
    page = Page(render(app, name))
    ids = {attributes.get("id") for _, attributes in page.tags}

    for link in page.all("a"):
        target = str(link["href"])
        if target.startswith("#"):
            assert target[1:] in ids, target


@pytest.mark.parametrize("name", PAGES)
def test_every_field_has_a_label(app: Flask, name: str) -> None:
    page = Page(render(app, name))
    labelled = {label["for"] for label in page.all("label")}

    for tag in ("input", "select", "textarea"):
        for field in page.all(tag):
            if field.get("type") != "hidden":
                assert field["id"] in labelled, field


def test_what_was_typed_stays(app: Flask) -> None:
    text = render(app, "new request with errors")

    assert re.search(r'id="children-0-age"[^>]*value="4"', text)
    assert re.search(r'value="32" selected', text)
    assert re.search(r'name="household"[^>]*value="children" checked', text)
    assert re.search(r'id="avoid-1-place"[^>]*value="Oldhm"', text)


def test_the_form_asks_no_more_than_eight_questions(app: Flask) -> None:
    numbered = re.findall(r">\s*(\d)\. ", render(app, "new request"))

    assert numbered == list("12345678")


@pytest.mark.parametrize("name", [n for n, (t, _) in PAGES.items() if t == "police/request.html"])
def test_only_a_request_with_a_house_that_said_yes_names_it(app: Flask, name: str) -> None:
    said = "Rowan" in render(app, name)

    assert said == (name in ("placed", "reason missing") or name.startswith("kept"))


def test_police_pages_can_be_left_quickly_and_public_ones_need_it_not(app: Flask) -> None:
    for name, (template, _) in PAGES.items():
        assert ("data-wm-exit" in render(app, name)) == template.startswith("police/"), name


def test_the_demonstration_is_named_on_every_page_of_it(app: Flask) -> None:
    for name in PAGES:
        assert ("Demonstration, not real" in render(app, name)) == (name != "error without a frame")


def test_the_thanks_on_the_data_page_are_those_of_the_data_folder(app: Flask) -> None:
    readme = (ROOT / "data/README.md").read_text(encoding="utf-8")
    owed = re.findall(r"^> (Source: .*)$", readme, re.MULTILINE)
    shown = " ".join(render(app, "about the data").replace("&copy;", "©").split())

    assert owed
    assert all(text in shown for text in owed)


def test_everything_visible_to_the_eye_keeps_short_sentences(app: Flask) -> None:
    """Reading age: no sentence of the officer's form is longer than 20 words."""
    text = render(app, "new request")
    main = text[text.index("<main") : text.index("</main")]
    lines = re.sub(r"<[^>]+>", "\n", main).splitlines()

    for sentence in re.split(r"(?<=[.?!])\s+|\n", "\n".join(line.strip() for line in lines)):
        assert len(sentence.split()) <= 20, sentence


def test_our_script_stays_small_enough_to_be_read() -> None:
    source = (ROOT / "app/assets/js/waymark.js").read_text(encoding="utf-8")

    assert len(source.splitlines()) <= 150
