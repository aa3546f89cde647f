"""The pages of the documentation that one can try, and the pictures that it shows."""

import hashlib
import io
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from pages import Watched, needs_browser, until
from PIL import Image, ImageChops

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PICTURES = [
    (name, scheme) for name in ("explorer", "report") for scheme in ("light", "dark")
]
SHOWN = (1500, 1231)


def picture_of(name, scheme):
    return DOCS / "_static" / f"{name}_{scheme}.webp"


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def example_pages():
    """Import what writes the pages, as `docs/conf.py` does."""
    sys.path.insert(0, str(DOCS))
    import example_pages

    yield example_pages
    sys.path.remove(str(DOCS))


@pytest.fixture(scope="module")
def written(example_pages, tmp_path_factory):
    """Write the pages; return their folder."""
    folder = tmp_path_factory.mktemp("written")
    example_pages.write(folder)
    return folder


# The pages


def links():
    """The pages to try that pages of the documentation lead to."""
    for page in DOCS.rglob("*.md"):
        yield from re.findall(r'href="(?:\.\./)?(example_\w+\.html)"', text_of(page))


@pytest.mark.slow
def test_each_page_to_try_is_written_and_linked(written):
    names = {path.name for path in written.iterdir()}
    assert names == {*links()}
    assert {"example_explorer.html", "example_report.html"} <= names
    for path in written.iterdir():
        assert "v53_lgbm_jeremy20" in path.read_text(encoding="utf-8")


def test_the_home_page_leads_to_the_pages_by_link_and_by_picture():
    for name in ("explorer", "report"):
        text = text_of("docs/index.md")
        assert f'<a href="example_{name}.html">' in text
        assert text.count(f":target: example_{name}.html\n") == 2
    assert '<a href="../example_explorer.html">' in text_of("docs/guide/explore.md")


def test_the_commands_beside_the_pages_are_those_that_wrote_them(example_pages):
    told = text_of("docs/index.md") + text_of("docs/guide/explore.md")
    commands = re.findall(r"skbench (\w+ .*?data/demo.*?)(?: -o .*)?[`\n]", told)
    names = {command.split()[0] for command in commands}
    assert names == {"demo", "ensemble", "explore", "report"}
    made = [f"{command} " for command in example_pages.COMMANDS]
    for command in commands:
        assert any(one.startswith(f"{command} ") for one in made), command


@needs_browser
@pytest.mark.slow
def test_the_explorer_of_the_documentation_can_be_used(written, browser):
    page = browser.new_page(viewport={"width": 400, "height": 900})
    watched = Watched(page)
    address = (written / "example_explorer.html").as_uri()
    page.goto(address)
    page.locator(".main-svg").first.wait_for()
    cut = "(rows) => rows.scrollHeight > rows.clientHeight"
    assert not page.locator("#rows").evaluate(cut)  # the sliders of all eight models
    before = page.locator("#now").text_content()
    page.locator("#rows input[type=range]").first.press("End")
    until(page, f"document.getElementById('now').textContent !== {before!r}")
    command = "document.getElementById('command').value"
    until(page, f"{command}.includes('v53_lgbm_cyrus20=1')")
    page.locator("#proportion").press("End")
    until(page, f"{command}.includes('--proportion 1')")
    assert watched.complaints == []
    assert {url for url in watched.requests if not url.startswith("data:")} == {address}
    page.close()


def lowest_edge(page, selector):
    """How bright the lowest edge of what a browser shows of an element is."""
    shown = Image.open(io.BytesIO(page.locator(selector).screenshot())).convert("L")
    return np.asarray(shown, float)[-4:].mean()


@needs_browser
@pytest.mark.slow
def test_a_list_that_is_cut_shows_that_it_goes_on(written, browser):
    page = browser.new_page(viewport={"width": 400, "height": 900})
    page.goto((written / "example_report.html").as_uri())
    page.locator(".main-svg").first.wait_for()
    assert lowest_edge(page, "#boxes") < 230
    page.locator("#boxes").evaluate("(boxes) => boxes.scrollTo(0, 1e6)")
    page.wait_for_timeout(100)
    assert lowest_edge(page, "#boxes") > 250
    page.close()


# The pictures of pages


@pytest.mark.parametrize(("name", "scheme"), PICTURES)
def test_a_picture_of_a_page_is_small_and_shown(name, scheme):
    picture = picture_of(name, scheme)
    assert picture.stat().st_size < 150_000
    with Image.open(picture) as image:
        assert image.size == SHOWN
        assert len(image.getcolors(maxcolors=SHOWN[0] * SHOWN[1])) > 50  # not blank
    own = picture.relative_to(DOCS).as_posix()
    assert text_of("docs/index.md").count(f"```{{image}} {own}\n") == 1
    assert text_of("README.md").count(f'"docs/{own}"') == 1


def test_each_picture_says_in_words_what_is_to_be_seen():
    home, readme = text_of("docs/index.md"), text_of("README.md")
    told = re.findall(r"^:alt: (.*)$", home, re.MULTILINE)
    told += re.findall(r'<img [^>]*alt="([^"]*)"', readme)
    told += re.findall(r"!\[([^]]*)\]", home + readme)
    assert len(told) == home.count("```{image}") + readme.count("<img ") + 1 == 7
    assert min(len(words) for words in told) > 80


def likeness(one, other):
    """Correlation of two pictures seen from afar, where other fonts look alike."""
    far = [
        np.asarray(image.convert("L").resize((12, 10), Image.Resampling.BOX), float)
        for image in (one, other)
    ]
    return np.corrcoef(far[0].ravel(), far[1].ravel())[0, 1]


@needs_browser
@pytest.mark.slow
@pytest.mark.parametrize(("name", "scheme"), PICTURES)
def test_a_picture_is_what_its_page_looks_like(written, browser, name, scheme):
    """Where this fails, run ``python docs/pictures.py``, and look at what it makes."""
    import pictures

    page = pictures.take(browser, written, name, scheme)
    with Image.open(picture_of(name, scheme)) as image:
        assert image.size == page.size
        assert likeness(image, page) > 0.7
        # A page that has moved by a hundred pixels is another one.
        assert likeness(ImageChops.offset(image, 0, 125), page) < 0.7


# The pictures of the gallery

NAMED = re.compile(r'^# sphinx_gallery_thumbnail_path = "(.*)"$', re.MULTILINE)


def test_each_example_has_a_picture_of_its_own():
    """A chart that it draws, or a picture that it names."""
    named = {}
    for example in (ROOT / "examples").glob("*.py"):
        text = text_of(example)
        named[example.name] = [DOCS / name for name in NAMED.findall(text)]
        if example.name.startswith("plot_"):
            assert text.count("plt.show()") == 1
        else:
            assert len(named[example.name]) == 1, example.name
    paths = [path for found in named.values() for path in found]
    assert {*paths} >= {*(DOCS / "thumbnails").iterdir()}
    contents = [hashlib.sha256(path.read_bytes()).digest() for path in paths]
    assert len({*contents}) == len(paths) == 5
