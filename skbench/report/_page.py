"""`Page`: numbers that can be looked at, as a file and in a notebook."""

import html
import os
from typing import Any, ClassVar

from skbench._files import check_writable, written_whole

from ._html import render
from ._notebook import answers


class Page:
    """Numbers, the template of the page that shows them, and its own scripts."""

    _template: ClassVar[str]
    _scripts: ClassVar[tuple[str, ...]]
    _numbers: dict[str, Any]

    def write_html(self, path: str | os.PathLike[str]) -> None:
        """Write the report as one HTML file that needs no network.

        Parameters
        ----------
        path : str or path-like
            File to write. One that is there is replaced once the new one is complete.

        Raises
        ------
        FileNotFoundError
            If the folder of ``path`` is not there.
        IsADirectoryError
            If ``path`` is a folder.
        ModuleNotFoundError
            If plotly or jinja2 is not installed.
        """
        path = check_writable(path)
        page = self._page()
        with written_whole(path) as unfinished:
            # Text that is no Unicode, such as half a surrogate pair, shows as "?".
            unfinished.write_text(page, encoding="utf-8", errors="replace")

    def _page(self, *, notebook: bool = False) -> str:
        try:
            return render(self._template, self._scripts, self._numbers, notebook)
        except ModuleNotFoundError as error:
            if error.name not in ("jinja2", "markupsafe", "plotly"):
                raise
            raise ModuleNotFoundError(
                f"a report as a page needs {error.name}: "
                'install it with pip install "skbench[report]"',
                name=error.name,
            ) from None

    def _repr_html_(self) -> str:
        # A frame of its own, so that the styles of page and notebook do not mix.
        page = html.escape(self._page(notebook=True), quote=True)
        title = html.escape(self._numbers["title"], quote=True)
        frame = (
            f'<iframe title="{title}" srcdoc="{page}" sandbox="allow-scripts" '
            'style="width:100%;height:48rem;border:1px solid #8888"></iframe>'
        )
        return answers() + frame


def counted(n: int, noun: str) -> str:
    """Say how many there are of something."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def checked_title(title: Any) -> str:
    """Return the title of a page, which must say something."""
    if not isinstance(title, str) or not title.strip():
        raise ValueError(f"`title` must be a text that is not empty; got {title!r}")
    return title
