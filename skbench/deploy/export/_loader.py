"""What an exported file does when it is loaded: its texts become modules.

The text of this module is itself in the file, and is run first. Standard library only.
It cannot be imported, so that no file can name a function here that executes text.
"""

import json
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from typing import Any

if __name__.partition(".")[0] == "skbench":
    raise ImportError(f"{__name__} is a text that runs in exported files alone")


def load(
    sources: Sequence[tuple[str, str]], plan: str, models: Sequence[str | bytes]
) -> Callable[..., Any]:
    """Run the sources as modules, the last of which makes the function of a plan.

    A source is a name and a text, and comes after those that it imports; without text
    it is a package. The names hold a digest of all texts, so that files with other
    texts stay apart within one process. The plan is JSON, and tells of the models in
    order.
    """
    for name, text in sources:
        module = module_from_spec(ModuleSpec(name, None, is_package=not text))
        exec(compile(text, f"<{name}>", "exec", dont_inherit=True), vars(module))
        # Only now, so that no other thread finds it half run.
        sys.modules[name] = module
    function: Callable[..., Any] = module.make_predict(json.loads(plan), models)
    return function
