"""The documentation: ``sphinx-build -W --keep-going docs docs/_build/html`` builds it.

Nothing is downloaded: no inventories of other projects, no fonts, no scripts.
"""

import sys
from pathlib import Path

import matplotlib as mpl

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
mpl.use("Agg")

import example_pages  # noqa: E402

import skbench  # noqa: E402

project = "skbench"
author = "The skbench developers"
copyright = author
version = release = skbench.__version__

extensions = [
    "catalogue",
    "constants",
    "mathml",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
html_math_renderer = "mathml"

# Pages. Every {py:...} role in them must find what it names; `names` in docstrings, of
# parameters as well as of functions, are links where they can be.
myst_enable_extensions = ["dollarmath", "tasklist"]
myst_heading_anchors = 3
default_role = "py:obj"
nitpicky = True
nitpick_ignore_regex = [("py:obj", ".*"), ("py:class", r"sklearn\..*")]

# Reference
autodoc_typehints = "none"
autosummary_generate = True
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False


def skip_member(app, what, name, obj, skip, options):
    """Leave out what a class inherits from other packages."""
    home = getattr(obj, "__module__", None) or "skbench"
    return True if not home.startswith("skbench") else None


def quote_shapes(app, what, name, obj, options, lines):
    """Put quotes around a shape whose name ends in "_", which would be a link."""
    for i, line in enumerate(lines):
        lines[i] = line.replace("(n_features_in_,)", "(``n_features_in_``,)")


def trim_examples(app, name, source):
    """Drop the empty line that ends an example: doctest needs it, a reader does not."""
    source[0] = source[0].replace("\n\n```\n", "\n```\n")


# Gallery
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    # All are run but those that would send something to Numerai.
    "filename_pattern": r"/(plot_\w+|deploy_model)\.py$",
    "ignore_pattern": r"__init__\.py",
    "within_subsection_order": "gallery_order.InOrder",
    # The lines in which examples name their pictures are not for readers.
    "remove_config_comments": True,
    "abort_on_example_error": True,
    "download_all_examples": False,
    "notebook_extensions": set(),
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "image_scrapers": ("matplotlib",),
}


def write_example_pages(app, error):
    """Write reports and an explorer of a made-up tournament beside the pages."""
    if error is None and app.builder.format == "html":
        example_pages.write(app.outdir)


# Looks
html_theme = "pydata_sphinx_theme"
html_title = "skbench"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "navbar_end": ["theme-switcher"],
    "navbar_persistent": ["search-button"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_toc_level": 2,
}
# No sidebar where it would be empty.
ALONE = (
    "index",
    "questions",
    "migration",
    "design",
    "contributing",
    "changelog",
    "release",
)
html_sidebars = {page: [] for page in ALONE}


def setup(app):
    """Connect what is defined above, for Sphinx."""
    app.connect("autodoc-skip-member", skip_member)
    app.connect("source-read", trim_examples)
    app.connect("build-finished", write_example_pages)
    # Before numpydoc, which comes at 500.
    app.connect("autodoc-process-docstring", quote_shapes, priority=400)
