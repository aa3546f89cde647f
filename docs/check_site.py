"""Check the built pages: ``python docs/check_site.py docs/_build/html``.

Every link within them must lead somewhere, to the very heading that it names, and
nothing may be loaded from elsewhere.
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Attributes through which a page loads something by itself; a link waits for a click.
LOADED = {
    ("img", "src"),
    ("script", "src"),
    ("iframe", "src"),
    ("link", "href"),
    ("source", "src"),
}


class Page(HTMLParser):
    """The anchors of a page, what it links to and what it loads."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links, self.loaded = set(), set(), set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        """Note what one element says."""
        for name, value in attrs:
            if name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value)
            elif (tag, name) in LOADED and value:
                self.loaded.add(value)
            elif tag == "a" and name == "href" and value:
                self.links.add(value)


def problems(folder):
    """Return what is wrong with the pages of a folder, a sentence each."""
    folder = Path(folder).resolve()
    # The theme keeps unfinished templates among its static files.
    paths = [p for p in sorted(folder.rglob("*.html")) if "_static" not in p.parts]
    pages = {path: Page(path) for path in paths}
    if not pages:
        return [f"{folder} has no pages"]
    found = [f"{path.name} loads {url}" for path, url in _remote_styles(folder)]
    for path, page in pages.items():
        name = path.relative_to(folder)
        found += [f"{name} loads {url}" for url in page.loaded if _is_remote(url)]
        for url in sorted(page.links | page.loaded):
            if not _is_remote(url) and (wrong := _dead(url, path, folder, pages)):
                found.append(f"{name} links to {url}: {wrong}")
    return found


def _is_remote(url):
    # An address like //host/path has no scheme, but a host.
    parts = urlsplit(url)
    return bool(parts.scheme or parts.netloc) and parts.scheme != "data"


def _remote_styles(folder):
    for path in sorted(folder.rglob("*.css")):
        text = path.read_text(encoding="utf-8")
        for url in re.findall(
            r"""(?:url\(|@import )\s*["']?((?:https?:)?//[^"')]+)""", text
        ):
            yield path, url


def _dead(url, path, folder, pages):
    parts = urlsplit(url)
    if parts.scheme == "data":
        return None
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_relative_to(folder):
        return "outside of the site"
    if not target.is_file():
        return "no such file"
    anchor = unquote(parts.fragment)
    if anchor and target in pages and anchor not in pages[target].anchors:
        return "no such heading"
    return None


if __name__ == "__main__":
    wrong = problems(sys.argv[1])
    print("\n".join(wrong) or "Every link leads somewhere, and nothing is remote")
    sys.exit(bool(wrong))
