"""Take the pictures of the report and the explorer: ``python docs/pictures.py``.

Needs chromium, and what ``pip install -e ".[test]"`` gives. The pictures are committed,
so that whoever builds the documentation needs no browser.
"""

import io
import shutil
import tempfile
from pathlib import Path

import example_pages
from PIL import Image
from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).parent / "_static"
SCHEMES = ("light", "dark")
WIDTH, HEIGHT, SCALE = 1200, 985, 1.25
# Where the picture of a page begins.
TOPS = {"report": "#scores-heading", "explorer": "h1"}


def take(browser, pages, name, scheme):
    """Return what a browser shows of a page in a folder, as an image."""
    page = browser.new_page(
        viewport={"width": WIDTH, "height": HEIGHT},
        color_scheme=scheme,
        device_scale_factor=SCALE,
    )
    page.goto((Path(pages) / f"example_{name}.html").as_uri())
    page.locator(".main-svg").first.wait_for()
    if name == "report":
        # It opens with the best six that have all eras, and the ensemble has fewer.
        boxes = page.locator("#boxes")
        boxes.get_by_label("v53_lgbm_ralph60").uncheck()
        boxes.get_by_label("ensemble").check()
    else:
        # Equal weights, with which it opens, would lie on the dotted line.
        page.locator("#preset").select_option(label="payout")
    page.locator(TOPS[name]).evaluate("(top) => top.scrollIntoView()")
    page.wait_for_timeout(500)
    shown = Image.open(io.BytesIO(page.screenshot()))
    page.close()
    return shown.convert("RGB")


def main():
    with tempfile.TemporaryDirectory() as pages, sync_playwright() as playwright:
        example_pages.write(pages)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for name in TOPS:
            for scheme in SCHEMES:
                image = take(browser, pages, name, scheme)
                image.save(FOLDER / f"{name}_{scheme}.webp", lossless=True, method=6)
        browser.close()


if __name__ == "__main__":
    main()
