"""How skbench itself is written: short functions, imports one way, what is shipped."""

import ast
import importlib
import inspect
import io
import pickle
import re
import runpy
import sys
import tomllib
from functools import cache
from graphlib import TopologicalSorter
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from statistics import median

import pytest
from numerapi import NumerAPI
from packaging.requirements import Requirement
from packaging.version import Version

from skbench.deploy.check import RUNNERS, python_of

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "skbench"
FILES = sorted(PACKAGE.rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def name_of(path):
    return path.relative_to(ROOT).as_posix()


@cache
def tree_of(path):
    return ast.parse(path.read_text())


# Errors

# Of those that take more than a message: the rest.
FURTHER = {"NoWindowError": [3], "Failure": [11]}


def modules():
    """Import the modules of the package, but for texts that run elsewhere."""
    for path in FILES:
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[-1] not in ("__main__", "_child", "_loader", "_runtime"):
            yield importlib.import_module(".".join(parts).removesuffix(".__init__"))


def errors():
    found = {
        thing
        for module in modules()
        for thing in vars(module).values()
        if isinstance(thing, type) and issubclass(thing, BaseException)
    }
    return {e for e in found if e.__module__.startswith("skbench")}


def pickled(error):
    """Pickle as a process does into which Dask has not brought ways of its own."""
    file = io.BytesIO()
    pickler = pickle.Pickler(file)
    pickler.dispatch_table = {}
    pickler.dump(error)
    return file.getvalue()


def test_errors_come_through_from_another_process():
    assert {*FURTHER, "DataError", "AttemptError"} <= {e.__name__ for e in errors()}
    for kind in errors():
        error = kind("what went wrong", *FURTHER.get(kind.__name__, []))
        same = pickle.loads(pickled(error))
        assert (type(same), str(same)) == (kind, str(error))
        assert vars(same) == vars(error)


# Functions

MAX_LINES = 40
# Longer ones, each with its reason.
LONG = {
    "skbench/datasets/_load.py load_benchmark_models": "eight parameters and "
    "fourteen fields, a line each",
}


def functions_of(path):
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return [node for node in ast.walk(tree_of(path)) if isinstance(node, kinds)]


def lines_of_code(function, source):
    """Count the lines of a function, its docstring and blank lines not."""
    lines = set(range(function.lineno, function.end_lineno + 1))
    if ast.get_docstring(function, clean=False) is not None:
        docstring = function.body[0]
        lines -= set(range(docstring.lineno, docstring.end_lineno + 1))
    return sum(bool(source[line - 1].strip()) for line in lines)


def lengths():
    """Yield the name of each function, and how many lines of code it has."""
    for path in FILES:
        source = path.read_text().splitlines()
        for function in functions_of(path):
            yield f"{name_of(path)} {function.name}", lines_of_code(function, source)


def test_functions_are_short():
    found = list(lengths())
    long = {name: length for name, length in found if length > MAX_LINES}
    assert set(long) == set(LONG), long
    assert median(length for _, length in found) < 10


def test_lines_of_code_leave_out_what_is_said_of_them():
    source = '''def f(a,
      b):
    """Say.

    More.
    """

    # Why.
    return a
'''
    (function,) = ast.parse(source).body
    assert lines_of_code(function, source.splitlines()) == 4


# Imports


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


def is_for_types(node):
    return isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"


def statements(node):
    """Every node of a tree, those that only a type checker runs left out."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not is_for_types(child):
            yield from statements(child)


def imported_by(path):
    """Yield the full names that a file imports, also within its functions."""
    yield from imports_in(tree_of(path), list(path.relative_to(ROOT).parts[:-1]))


def imports_in(tree, package):
    for node in statements(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in BY_CALL:
            name, *of = [getattr(argument, "value", None) for argument in node.args]
            if isinstance(name, str):
                yield f"{of[0] if of else ''}{name}" if name[:1] == "." else name


BY_CALL = {"import_module", "importlib.import_module", "__import__"}


def own_imports(path):
    """The modules of skbench that a file imports; a package where none of its own."""
    names = {name for name in imported_by(path) if name in MODULES} - {module_of(path)}
    return {name for name in names if not any(n.startswith(f"{name}.") for n in names)}


def test_no_module_imports_what_imports_it():
    order = {module: own_imports(path) for module, path in MODULES.items()}
    assert set(TopologicalSorter(order).static_order()) == set(MODULES)


def behind_walls(names, module):
    """Which names a module may not import: private ones of where it does not live."""
    own = module.split(".")
    for name in names:
        parts = name.split(".")
        private = [i for i, part in enumerate(parts) if re.match(r"_(?!_)", part)]
        if parts[0] == "skbench" and any(own[:i] != parts[:i] for i in private):
            yield name


@pytest.mark.parametrize("module", sorted(MODULES))
def test_no_private_name_of_another_room_is_imported(module):
    assert list(behind_walls(imported_by(MODULES[module]), module)) == []


@pytest.mark.parametrize(
    ("code", "module", "wrong"),
    [
        ("from skbench.metrics._scores import x", "skbench.report._report", True),
        ("from skbench.metrics import _scores", "skbench.report._report", True),
        ("from skbench.metrics import numerai_corr", "skbench.report._report", False),
        ("import skbench.metrics._scores as s", "skbench.report._report", True),
        ("from ._scores import x", "skbench.metrics._summary", False),
        ("from .metrics._scores import x", "skbench.demo", True),
        ("from .metrics import summarize", "skbench.demo", False),
        ("from ._frames import listed", "skbench.demo", False),
        ("from skbench._frames import listed", "skbench.metrics._scores", False),
        ("from skbench._frames import _one", "skbench.metrics._scores", True),
        ("from skbench.kernels.rank import _one", "skbench._rank_gauss", True),
        ("import_module('skbench.metrics._scores')", "skbench.demo", True),
        ("import_module('._scores', 'skbench.metrics')", "skbench.demo", True),
        ("importlib.import_module('skbench.metrics')", "skbench.demo", False),
        ("from skbench.deploy.check._ids import x", "skbench.deploy.send._a", True),
        ("from skbench.deploy.check import x", "skbench.deploy.send._a", False),
    ],
)
def test_what_stands_behind_a_wall(code, module, wrong):
    names = imports_in(ast.parse(code), module.split(".")[:-1])
    assert bool(list(behind_walls(names, module))) == wrong


# What any module may use, and which knows no layer itself.
BESIDE = [
    "disk",
    "files",
    "locks",
    "numerai",
    "parquet",
    "progress",
    "random",
    "text",
    "warnings",
]


def test_what_stands_beside_the_layers_imports_none():
    beside = {f"skbench._{name}" for name in BESIDE}
    for name in BESIDE:
        assert own_imports(PACKAGE / f"_{name}.py") <= beside, name


ESTIMATORS = ["_ensemble", "_neutralizer", "_rank_gauss", "_stacking"]


@pytest.mark.parametrize("name", ESTIMATORS)
def test_no_estimator_imports_another(name):
    others = {f"skbench.{other}" for other in ESTIMATORS}
    allowed = {"skbench._ensemble"} if name == "_stacking" else set()
    assert own_imports(PACKAGE / f"{name}.py") & others == allowed


def test_kernels_know_numpy_and_scipy_alone():
    known = {*sys.stdlib_module_names, "numpy", "scipy", "skbench"}
    for path in (PACKAGE / "kernels").glob("*.py"):
        found = {name.partition(".")[0] for name in imported_by(path)} - known
        # Tensors are worked on where they are, by the package they come from.
        assert found <= ({"torch"} if path.stem == "device" else set()), path.name
        own = own_imports(path)
        assert all(name.startswith("skbench.kernels") for name in own), path.name


def test_what_is_imported_is_required():
    """Each package stands among the dependencies, or those of an extra."""
    project = PROJECT["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *chain.from_iterable(extras)]
    required = {re.match(r"[\w-]+", line)[0].lower() for line in wanted}
    distributions = packages_distributions()
    tops = {name.partition(".")[0] for path in FILES for name in imported_by(path)}
    others = tops - sys.stdlib_module_names - {"skbench"}
    # What comes with these, and is made to be used beside them.
    brought = {
        "joblib": "scikit-learn",
        "markupsafe": "jinja2",
        "psutil": "distributed",
        "threadpoolctl": "scikit-learn",
    }
    for top in others:
        names = {name.lower() for name in distributions.get(top, [top])}
        assert names & required or brought.get(top) in required, top


# Files

# Each reads or writes parquet without checksums, unless it is told to.
_OF_PARQUET = {"ParquetFile", "ParquetWriter", "read_parquet", "read_table"}
_OF_PARQUET |= {"to_parquet", "write_parquet", "write_to_dataset"}


def calls_of(path):
    """Yield each call in a file by the name of what is called, with what it is of."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr, ast.unparse(node.func.value), node
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id, "", node


def test_parquet_files_are_read_and_written_in_one_place():
    """But for the child of `check_predict`, which reads as the runner does."""
    found = {
        f"{name_of(path)} {owner}.{name}"
        for path in FILES
        for name, owner, call in calls_of(path)
        if owner and (name in _OF_PARQUET or (owner, name) == ("pq", "write_table"))
        if not any(word.arg == "write_page_checksum" for word in call.keywords)
    }
    assert found == {
        "skbench/_parquet.py pq.ParquetFile",
        "skbench/deploy/check/_child.py pd.read_parquet",
        "skbench/deploy/check/_child.py predictions.to_parquet",
    }


def is_text_without_encoding(name, owner, call):
    """Whether a call opens a file as text in the encoding of the locale."""
    if any(word.arg in ("encoding", None) for word in call.keywords):
        return False
    if name in ("read_text", "write_text"):
        return True
    if name not in ("open", "fdopen", "NamedTemporaryFile") or owner == "os.open":
        return False
    place = 0 if owner and owner not in ("io", "os") else 1
    modes = [word.value for word in call.keywords if word.arg == "mode"]
    modes += call.args[place : place + 1]
    if not modes:
        return not owner
    return isinstance(modes[0], ast.Constant) and "b" not in str(modes[0].value)


PROGRAMS = [*FILES, *sorted((ROOT / "benchmarks").rglob("*.py"))]
PROGRAMS += sorted((ROOT / "docs").glob("*.py")) + sorted(ROOT.glob("examples/*.py"))


@pytest.mark.parametrize("path", PROGRAMS, ids=name_of)
def test_text_is_read_and_written_as_utf_8(path):
    calls = [
        ast.unparse(c) for *of, c in calls_of(path) if is_text_without_encoding(*of, c)
    ]
    assert calls == []


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("path.read_text()", True),
        ("path.read_text(encoding='utf-8')", False),
        ("path.write_text(text)", True),
        ("open(path)", True),
        ("open(path, 'rb')", False),
        ("open(path, mode='w')", True),
        ("path.open('a')", True),
        ("path.open('r+b')", False),
        ("path.open('w', encoding='utf-8')", False),
        ("self.open()", False),
    ],
)
def test_which_calls_go_by_the_locale(code, wrong, tmp_path):
    path = tmp_path / "code.py"
    path.write_text(code, encoding="utf-8")
    ((name, owner, call),) = calls_of(path)
    assert is_text_without_encoding(name, owner, call) == wrong


# What runs text

# A file of a model may name any function that can be imported.
RUNS = {
    "eval",
    "exec",
    "cloudpickle.load",
    "cloudpickle.loads",
    "joblib.load",
    "pd.read_pickle",
    "pickle.load",
    "pickle.loads",
}
MAY_RUN = {
    "skbench.cli.export": "reads the joblib file that its user names, as it says"
}


def runs_text(path):
    calls = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)]
    return any(ast.unparse(call.func) in RUNS for call in calls)


def test_what_runs_a_text_or_pickle_cannot_be_imported():
    found = {module for module, path in MODULES.items() if runs_text(path)}
    assert {"skbench.deploy.export._loader", "skbench.deploy.export._runtime"} < found
    for module in found - {*MAY_RUN}:
        with pytest.raises(ImportError, match=r"exported files alone$|by its path$"):
            importlib.import_module(module)


# What is sent

# All that a mutation of ours may do at Numerai.
SENT = {"create_submission", "createComputePickleUpload", "createDiagnostics"}


def mutations(path):
    """Yield what the mutations in a file do."""
    nodes = ast.walk(tree_of(path))
    for text in (str(node.value) for node in nodes if isinstance(node, ast.Constant)):
        if text.lstrip().startswith("mutation("):
            yield from re.findall(r"\{\s*(\w+)\s*\(", text)


def test_what_is_sent_moves_no_money():
    assert {name for path in FILES for name in mutations(path)} == SENT
    # Nor does it call what numerapi has for that.
    money = {name for name in dir(NumerAPI) if re.match(r"(v3_)?stake_(?!get)", name)}
    assert {"stake_increase", "stake_drain"} <= money
    assert not money & {name for path in FILES for name, *_ in calls_of(path)}


# What is public

PUBLIC = sorted(
    module
    for module in MODULES
    if not any(part.startswith("_") for part in module.split("."))
    and not module.startswith(
        ("skbench.kernels", "skbench.solvers", "skbench.tournament", "skbench.cli")
    )
)


@pytest.mark.parametrize("module", PUBLIC)
def test_what_is_public_is_documented_where_it_is_found(module):
    if module == "skbench.distributed":
        pytest.importorskip("dask")
    if module == "skbench.report":
        pytest.importorskip("matplotlib")
    found = importlib.import_module(module)
    assert found.__all__ == sorted(found.__all__, key=order_of_names)
    for name in found.__all__:
        thing = getattr(found, name)
        if inspect.isfunction(thing) or inspect.isclass(thing):
            assert inspect.getdoc(thing), name
            assert thing.__doc__ is not None, name


def order_of_names(name):
    """Constants, then classes, then functions: the order that the linter sorts to."""
    kind = 0 if name.isupper() else 1 if name[0].isupper() else 2
    return kind, name


SECTIONS = re.compile(r"^ *(Parameters|Returns|Raises|Examples)\n *-+$", re.MULTILINE)


def public_things():
    """Yield each function and class that a user can call, with its full name."""
    for module in PUBLIC:
        try:
            found = importlib.import_module(module)
        except ImportError:  # an extra is not installed
            continue
        for name in found.__all__:
            thing = getattr(found, name)
            if inspect.isfunction(thing) or inspect.isclass(thing):
                yield f"{module}.{name}", thing


def internal_docstrings():
    """Yield the place and the docstring of what is not for users."""
    things = [thing for _, thing in public_things()]
    # What a class inherits is open to all, too.
    bases = [base for thing in things for base in getattr(thing, "__mro__", [thing])]
    public = {(base.__module__, base.__qualname__) for base in bases}
    for module, path in MODULES.items():
        # The kernels and solvers state formulas and policies, wherever they are called.
        if module.startswith(("skbench.kernels.", "skbench.solvers.")):
            continue
        for node in tree_of(path).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                open_to_all = (module, node.name) in public
                inner = node.body if isinstance(node, ast.ClassDef) else []
                for thing in [node, *inner]:
                    own = isinstance(thing, ast.FunctionDef | ast.ClassDef)
                    if own and (not open_to_all or thing.name.startswith("_")):
                        place = f"{module} {node.name} {thing.name}"
                        yield place, ast.get_docstring(thing) or ""


@pytest.mark.skipif(find_spec("dask") is None, reason="not all public modules are here")
def test_internal_docstrings_are_short():
    found = [place for place, text in internal_docstrings() if SECTIONS.search(text)]
    assert found == []


# What is required

# The oldest version without a published weakness, and the last advisory before it;
# None: there has been none. What is disputed counts.
SAFE = {
    "click": ("8.3.3", "CVE-2026-7246"),
    "cloudpickle": None,
    "dask": ("2021.10.0", "CVE-2021-42343"),
    "distributed": ("2026.1.0", "CVE-2026-23528"),
    "jinja2": ("3.1.6", "CVE-2025-27516"),
    "lightgbm": ("4.6.0", "CVE-2024-43598"),
    "matplotlib": ("1.4.3", "CVE-2013-1424"),
    "narwhals": None,
    "numerapi": None,
    "numpy": ("1.22.0", "CVE-2021-34141"),
    "pandas": None,
    "plotly": ("5.16.0", "CVE-2023-46308"),  # in the plotly.js that it brings
    "pyarrow": ("14.0.1", "CVE-2023-47248"),
    "requests": ("2.33.0", "CVE-2026-25645"),
    "scikit-learn": ("1.5.0", "CVE-2024-5206"),
    "scipy": ("1.10.0", "CVE-2023-25399"),
    "skops": ("0.13.0", "CVE-2025-54886"),
    "torch": ("2.13.0", "CVE-2025-3000"),
    "tqdm": ("4.66.3", "CVE-2024-34062"),
    "urllib3": ("2.6.3", "CVE-2026-21441"),
}
# Bounds that stay below, since one of Numerai's runners has this version.
HELD_BACK = {"lightgbm": "4.5"}
# Those on which skbench itself could run: exported files run on the others too.
HOMES = [name for name in RUNNERS if python_of(name) != "3.10"]


def bounds():
    """The lowest version of each package that a user installs, by its name."""
    project = PROJECT["project"]
    extras = dict(project["optional-dependencies"])
    for name in ("all", "benchmarks", "dev", "docs", "test"):
        extras.pop(name)
    wanted = map(Requirement, [*project["dependencies"], *chain(*extras.values())])
    found = {}
    for requirement in wanted:
        (bound,) = requirement.specifier
        assert bound.operator == ">=", requirement
        found[requirement.name] = Version(bound.version)
    return found


def test_no_lower_bound_has_a_known_weakness():
    found = bounds()
    assert set(found) == set(SAFE)
    unsafe = {
        name: str(found[name])
        for name, safe in SAFE.items()
        if safe is not None and found[name] < Version(safe[0])
    }
    assert unsafe == HELD_BACK


@pytest.mark.parametrize("runner", HOMES)
def test_what_the_runners_have_is_within_the_bounds(runner):
    pins, found = RUNNERS[runner], bounds()
    assert {"numpy", "lightgbm"} < set(pins)
    for name in pins.keys() & found.keys():
        assert found[name] <= Version(pins[name]), name


@pytest.mark.parametrize("name", HELD_BACK)
def test_a_bound_is_held_back_only_for_a_runner(name):
    oldest = min(Version(RUNNERS[runner][name]) for runner in HOMES)
    assert oldest == Version(HELD_BACK[name])


# What is shipped


def test_the_sources_carry_what_tests_and_documentation_need():
    listed = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    for needed in ("benchmarks", "docs", "examples", "skbench", "tests"):
        assert f"/{needed}" in listed
    assert (PACKAGE / "py.typed").exists()
    for path in listed:
        assert (ROOT / path.lstrip("/")).exists(), path


def test_the_package_holds_no_data():
    kept = [path for path in PACKAGE.rglob("*") if path.suffix not in {".py", ".pyc"}]
    sizes = {name_of(path): path.stat().st_size for path in kept if path.is_file()}
    assert sum(sizes.values()) < 200_000, sizes
    assert {Path(name).suffix for name in sizes} <= {
        "",
        ".css",
        ".html",
        ".js",
        ".typed",
    }


def test_the_package_runs_as_the_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["skbench", "--help"])
    runpy.run_module("skbench", run_name="__main__")
    assert "demo" in capsys.readouterr().out
