"""What the pages of the documentation say is true, and what is public is on them."""

import ast
import doctest
import importlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
from numerai_server import NumeraiServer
from tournament_files import write_tournament

import skbench
from skbench.cli import main
from skbench.datasets import make_benchmark_models
from skbench.recipes import COLUMNS, list_recipes, recipe
from skbench.tournament import SET_SIZES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
BUILT = {"_build", "auto_examples", "generated"}
PAGES = [
    page
    for page in sorted(DOCS.rglob("*.md"))
    if BUILT.isdisjoint(page.relative_to(DOCS).parts)
]
OTHERS = [ROOT / "SECURITY.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]


def name_of(page):
    return page.relative_to(ROOT).as_posix()


def text_of(page):
    """The page, without its code."""
    return re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)


WITH_EXAMPLES = [page for page in PAGES if ">>> " in page.read_text()]


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=name_of)
def test_the_python_of_a_page_prints_what_it_says(page):
    text = page.read_text()
    if "skops" in text:
        pytest.importorskip("skops")
    test = doctest.DocTestParser().get_doctest(text, {}, page.stem, str(page), 0)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.DocTestRunner(optionflags=flags).run(test).failed == 0


# The pages that teach: each has a formula, the policy for odd cases, and an example.
GUIDE = [page for page in PAGES if page.parent.name == "guide" and page.stem != "index"]


@pytest.mark.parametrize("page", GUIDE, ids=name_of)
def test_a_page_of_the_guide_is_complete_and_found(page):
    listed = (DOCS / "guide" / "index.md").read_text()
    assert f"({page.name})" in listed
    contents = listed.partition("```{toctree}")[2].split()
    assert page.stem in contents
    assert ">>> " in page.read_text()
    assert len(re.findall(r"^```", page.read_text(), re.MULTILINE)) % 2 == 0


# The home page, against a server on this machine


def home_page():
    return (DOCS / "index.md").read_text()


def test_the_commands_of_the_home_page_run(tmp_path, monkeypatch, capsys):
    made = make_benchmark_models(60, 100, 3, random_state=0)
    files = write_tournament(tmp_path / "server", made)
    commands = re.findall(r"^skbench (\w+ .*)$", home_page(), re.MULTILINE)
    assert [command.split()[0] for command in commands] == [
        "fetch",
        "score",
        "ensemble",
    ]
    monkeypatch.chdir(tmp_path)
    with NumeraiServer({"v5.3": files}):
        for command in commands:
            main(command.split())
    assert "CORR" in capsys.readouterr().out
    assert (tmp_path / "ensemble.parquet").exists()
    assert (tmp_path / "ensemble.joblib").exists()


def test_the_submission_of_the_home_page_arrives(tmp_path, keys):
    namespace = {}
    test = doctest.DocTestParser().get_doctest(home_page(), {}, "home", None, 0)
    for example in test.examples:
        exec(example.source, namespace)
    (code,) = re.findall(r"```\n(import pandas.*?)```", home_page(), re.DOTALL)
    files = write_tournament(tmp_path / "server", namespace["data"])
    with NumeraiServer({"v5.3": files}) as server:
        server.accounts["me"] = ["my_model"]
        exec(code, namespace)
        (sent,) = server.stored.values()
    assert len(sent.splitlines()) == len(namespace["live"]) + 1


# Links


def is_page(path):
    """Whether there is such a file, or the source that it will be built from."""
    if path.exists():
        return True
    example = ROOT / "examples" / path.name
    if path.parent == DOCS / "auto_examples":
        return path.name == "index" or example.with_suffix(".py").exists()
    return path.with_name(path.name + ".rst").exists()


def headings_of(page):
    """The headings of a page, as they stand in links."""
    lines = re.findall(r"^#+ (.*)$", text_of(page), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", line).strip().lower().replace(" ", "-")
        for line in lines
    }


@pytest.mark.parametrize("page", PAGES + OTHERS, ids=name_of)
def test_links_of_a_page_lead_somewhere(page):
    links = re.findall(r"\]\(([^)\s]+)\)", text_of(page))
    local = [link for link in links if "://" not in link]
    for link in local:
        file, _, heading = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert is_page(target), f"{link} in {page.name}"
        if heading:
            assert heading in headings_of(target), f"{link} in {page.name}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_a_page_names_is_public(page):
    """The roles {py:func}`~skbench.metrics.summarize` and so on."""
    for kind, name in re.findall(r"\{py:(\w+)\}`~?([\w.]+)`", page.read_text()):
        module, _, last = name.rpartition(".")
        if kind == "mod":
            importlib.import_module(name)
        else:
            assert last in importlib.import_module(module).__all__, name


# The reference


MODULES = [
    path
    for path in sorted((ROOT / "skbench").glob("*"))
    if (path.suffix == ".py" or (path / "__init__.py").exists())
    and not path.name.startswith("_")
    and path.stem not in {"cli", "kernels", "solvers", "tournament"}
]


def public_names(path):
    """What ``__all__`` of a module says, read without an import."""
    source = path if path.suffix == ".py" else path / "__init__.py"
    for node in ast.parse(source.read_text()).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "__all__":
            return ast.literal_eval(node.value)
    raise AssertionError(f"{source} has no __all__")


def listed_names(page):
    return re.findall(r"^   (\w+)$", page.read_text(), re.MULTILINE)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_the_reference_lists_all_that_is_public(module):
    page = DOCS / "api" / f"{module.stem}.rst"
    assert sorted(listed_names(page)) == sorted(public_names(module))
    assert module.stem in listed_names(DOCS / "api" / "index.rst")


def test_the_reference_lists_the_estimators():
    modules = {path.stem for path in MODULES}
    names = [name for name in skbench.__all__ if name not in modules]
    assert sorted(listed_names(DOCS / "api" / "estimators.rst")) == sorted(names)


# The layers


def layers():
    """The modules that the table of layers names, from the lowest to the highest."""
    table = (DOCS / "design.md").read_text().partition("## Layers")[2]
    rows = re.findall(r"^\| (`.*?`) \| .* \|$", table.partition("## ")[0], re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`(\w+)(?:/|\.py)`", row)]


def imported(path):
    """The modules of skbench that a file imports, by the name below ``skbench``."""
    package = ["skbench", *path.relative_to(ROOT / "skbench").parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = [*base, *(node.module or "").split(".")]
            if module[0] == "skbench":
                named = [alias.name for alias in node.names]
                yield from [module[1]] if len(module) > 1 and module[1] else named
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            yield from (name[1] for name in names if name[0] == "skbench" and name[1:])


def test_imports_point_up_the_table_of_layers():
    beside = {"_disk", "_files", "_locks", "_numerai", "_parquet", "_progress"}
    beside |= {"_random", "_shown", "_text", "_warnings"}
    free = {*beside, "__version__"}
    order = layers()
    wrong, seen = [], set()
    for path in sorted((ROOT / "skbench").rglob("*.py")):
        home = path.relative_to(ROOT / "skbench").parts[0].removesuffix(".py")
        if home in {"__init__", "__main__"} | free:
            continue
        seen.add(home)
        for name in set(imported(path)) - free - {home}:
            if order.index(name) > order.index(home):
                wrong += [f"{path.name} imports {name}"]
    assert wrong == []
    assert seen == set(order)


# The gallery


def test_the_gallery_orders_examples_that_are_there():
    order = load("gallery_order")
    examples = {path.name for path in (ROOT / "examples").glob("*.py")}
    assert examples >= {*order.FIRST, *order.LAST}
    shown = sorted(examples, key=order.InOrder("examples"))
    assert shown[0] == "plot_five_steps.py"
    assert shown[-4:] == list(order.LAST)


# The picture on the home page


def load(name):
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_picture_is_what_its_script_draws():
    script = load("five_steps")
    assert script.PICTURE.read_text() == script.draw()


# The catalogue


def test_the_catalogue_in_the_reference_is_that_of_the_package():
    text = "\n".join(load("catalogue").tables())
    shown = set(re.findall(r"^   \* - `(\w+) <https:", text, re.MULTILINE))
    listed = {name for name in list_recipes() if recipe(name).is_ensemble}
    assert shown == listed
    for release, columns in COLUMNS.items():
        assert f"   * - {release}\n" in text
        assert all(f"``{name}``" in text for name in columns)
    for name, size in SET_SIZES.items():
        assert f"   * - ``{name}``\n     - {size}\n" in text
    assert "0.5 ``v42_lgbm_teager20``, 0.5 ``v42_lgbm_cyrus20``" in text


def test_the_catalogue_stands_below_the_module_alone():
    catalogue = load("catalogue")
    lines = {"skbench.recipes": [], "skbench.staking": []}
    for name, found in lines.items():
        catalogue.describe(None, "module", name, None, None, found)
    assert lines == {"skbench.recipes": catalogue.tables(), "skbench.staking": []}


# The check of the built pages


def write_site(folder, **pages):
    for name, body in pages.items():
        (folder / f"{name}.html").write_text(f"<html><body>{body}</body></html>")
    return folder


def test_a_good_site_passes(tmp_path):
    site = write_site(
        tmp_path,
        a='<a href="b.html#here">b</a> <a href="#me" id="me">a</a>'
        '<a href="https://example.org/x">elsewhere</a>',
        b='<h1 id="here">b</h1><img src="p.png"><link href="data:,">',
    )
    (tmp_path / "p.png").write_bytes(b"")
    assert load("check_site").problems(site) == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<a href="c.html">', "links to c.html: no such file"),
        ('<a href="b.html#there">', "links to b.html#there: no such heading"),
        ('<a href="#none">', "links to #none: no such heading"),
        ('<a href="../x.html">', "links to ../x.html: outside of the site"),
        ('<img src="missing.png">', "links to missing.png: no such file"),
        ('<script src="https://cdn.example/x.js">', "loads https://cdn.example/x.js"),
        ('<link href="//fonts.example/a.css">', "loads //fonts.example/a.css"),
    ],
)
def test_a_bad_site_is_told_of(tmp_path, body, problem):
    site = write_site(tmp_path, a=body, b="")
    assert load("check_site").problems(site) == [f"a.html {problem}"]


def test_a_remote_font_and_an_empty_folder_are_told_of(tmp_path):
    assert "no pages" in load("check_site").problems(tmp_path)[0]
    write_site(tmp_path, a="")
    (tmp_path / "a.css").write_text('@font-face {src: url("https://fonts.example/f")}')
    found = load("check_site").problems(tmp_path)
    assert found == ["a.css loads https://fonts.example/f"]


def test_the_check_ends_with_a_status(tmp_path):
    write_site(tmp_path, a='<a href="c.html">')
    command = [sys.executable, DOCS / "check_site.py", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (
        1,
        "a.html links to c.html: no such file\n",
    )


def test_each_promise_of_security_names_tests_that_are_there():
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    promises = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert len(promises) > 20
    for promise in promises:
        names = re.findall(r"`([^`]*)`", promise.strip("| ").rpartition("|")[2])
        assert names, promise
        file = ""  # a name that begins with colons is of the file before
        for name in names:
            given, _, parts = name.partition("::")
            file = given or file
            code = (ROOT / "tests" / file).read_text(encoding="utf-8")
            for part in filter(None, parts.split("::")):
                assert re.search(rf"(def|class) {part}\b", code), name
