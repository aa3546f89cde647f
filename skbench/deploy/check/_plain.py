"""Which dtypes predictions may have; `_child.py` runs this file by itself."""

from typing import Any

import numpy as np


def is_plain(dtype: Any) -> bool:
    """Whether a dtype is one of numpy's real numbers.

    Numerai's runner asks ``between(0, 1).all().all()``, which fails on a column of
    pyarrow, of categories or of text. Booleans and complex numbers pass, and are
    written as "True" and "(0.4+0j)". Whatever else pandas may add to its own dtypes
    depends on the version there.
    """
    return isinstance(dtype, np.dtype) and dtype.kind in "fiu"
