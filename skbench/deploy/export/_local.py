"""Which modules are the user's own code: `is_local`."""

import sys
import sysconfig
from pathlib import Path

_STANDARD = ("stdlib", "platstdlib", "purelib", "platlib")
# What folders of installed packages are called; the second by Debian.
_SITES = ("site-packages", "dist-packages")


def is_local(name: str) -> bool:
    """Whether a module is the user's own code, and not part of an installation.

    It is where its file lies outside the standard library and the folders of installed
    packages. So packages installed for editing are local, since their code as it is can
    be had nowhere else; built-in modules, which have no file, are not.
    """
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None:
        return False
    # Both ways, as some installers put links to files elsewhere into their folder.
    around = {*Path(file).absolute().parents, *Path(file).resolve().parents}
    return around.isdisjoint(_installed())


def _installed() -> set[Path]:
    """Folders of the standard library and of installed packages."""
    folders = [Path(sysconfig.get_path(kind)) for kind in _STANDARD]
    folders += [Path(entry) for entry in sys.path if Path(entry).name in _SITES]
    return {same for path in folders for same in (path.absolute(), path.resolve())}
