"""What a pickle refers to, read without loading it.

Loading is no way to look: cloudpickle would find the classes that it pickled by value,
and put copies of their methods, which see no later change of their module, into them.
"""

import io
import pickle
import re
from collections.abc import Callable
from typing import Any

# How cloudpickle labels the classes that it pickles by value, and what makes them.
_LABEL = re.compile(r"[0-9a-f]{32}")
_MAKERS = ("_make_skeleton_class", "_make_skeleton_enum", "_make_typevar")


def modules_in(data: bytes) -> set[str]:
    """Return the names of the modules that loading a pickle imports from."""
    names: set[str] = set()

    def import_module(name: str) -> Any:
        names.add(name)
        return _Anything

    def find(module: str, name: str) -> Any:
        names.add(module)
        # A function's global that is a module is pickled as a call of this.
        is_import = module.startswith("cloudpickle") and name == "subimport"
        return import_module if is_import else _Anything

    _read(data, find)
    return names


def class_labels_in(data: bytes) -> set[str]:
    """Return the labels by which cloudpickle knows again the classes in a pickle.

    They are of 32 hexadecimal digits.
    """
    labels: set[str] = set()

    def make_class(*arguments: Any) -> Any:
        texts = [text for text in arguments if isinstance(text, str)]
        labels.update(filter(_LABEL.fullmatch, texts))
        return _Anything

    def find(module: str, name: str) -> Any:
        makes = module.startswith("cloudpickle") and name in _MAKERS
        return make_class if makes else _Anything

    _read(data, find)
    return labels


def _read(data: bytes, find: Callable[[str, str], Any]) -> None:
    """Read a pickle with what `find` returns in place of what it would import."""

    class Reader(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            return find(module, name)

    Reader(io.BytesIO(data)).load()


class _Takes(type):
    """Lets a class stand for an object too: it takes calls, state and items."""

    def __call__(cls, *_: Any, **__: Any) -> Any:
        return cls

    def _take(cls, *_: Any) -> None:
        pass

    # All that an unpickler calls on what it has made.
    __setstate__ = __setitem__ = append = extend = add = _take


class _Anything(metaclass=_Takes):
    """Stands for whatever a pickle refers to, and for all that is made of it."""

    # Beside the call, since an opcode of pickles makes objects by this directly.
    def __new__(cls, *_: Any, **__: Any) -> Any:
        return cls
