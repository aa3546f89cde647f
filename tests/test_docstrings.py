"""What is public is documented in full: every name in an `__all__`, and its methods."""

import importlib
import inspect
import re
from dataclasses import fields, is_dataclass
from functools import cached_property

import pytest
from test_house import PUBLIC, public_things

validate = pytest.importorskip("numpydoc.validate").validate

# EX01, SA01, ES01  not everything needs an example, relatives or a second paragraph
# GL01              the summary stands on the line of the opening quotes
# RT02              results have names, as in scikit-learn
LEFT_OUT = {"EX01", "SA01", "ES01", "GL01", "RT02"}


def public_names():
    """Yield the full name of each public function and class, and of its methods."""
    for name, thing in public_things():
        yield name
        if inspect.isclass(thing):
            yield from (f"{name}.{method}" for method in methods(thing))


def methods(cls):
    """What skbench gives a class that does not begin with an underscore."""
    kinds = property | cached_property | classmethod | staticmethod
    for base in cls.__mro__:
        if base.__module__.startswith("skbench"):
            for name, thing in vars(base).items():
                known = inspect.isfunction(thing) or isinstance(thing, kinds)
                if known and not name.startswith("_"):
                    yield name


@pytest.mark.parametrize("name", sorted({*public_names()}))
def test_docstrings_say_all(name):
    errors = dict(validate(name)["errors"])
    thing = named(name)
    if inspect.isclass(thing) and is_dataclass(thing):
        # They are results, and what is documented of those are the attributes.
        errors.pop("PR01", None)
        lines = re.findall(r"^    (\w+(?:, \w+)*) : ", thing.__doc__, re.MULTILINE)
        documented = {word for line in lines for word in line.split(", ")}
        held = {field.name for field in fields(thing)}
        assert {word for word in held if not word.startswith("_")} <= documented
    assert {code: errors[code] for code in errors if code not in LEFT_OUT} == {}


def test_no_two_methods_say_the_same():
    seen = {}
    for name in sorted({*public_names()}):
        thing = named(name)
        if not inspect.isclass(thing):
            holder, _, method = name.rpartition(".")
            text = inspect.getdoc(thing)
            assert seen.setdefault((holder, text), method) == method, name


def named(name):
    module, _, last = name.rpartition(".")
    holder = importlib.import_module(module) if module in PUBLIC else named(module)
    return inspect.getattr_static(holder, last, None) or getattr(holder, last)
