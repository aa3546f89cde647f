"""Warnings point to the caller's line, whatever the caller is."""

import pytest

from skbench._warnings import warn


def test_code_that_has_no_name_can_be_warned():
    with pytest.warns(UserWarning, match="Mind"):
        exec("warn('Mind')", {"warn": warn})
