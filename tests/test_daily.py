"""The program for every day, against a server on this machine."""

import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numerai_server import KEYS, NumeraiServer
from tournament_files import write_tournament

from skbench.datasets import make_benchmark_models

DAILY = Path(__file__).parents[1] / "examples" / "daily.py"
MODEL = "v53_lgbm_ender20"


@pytest.fixture(scope="module")
def made():
    return make_benchmark_models(40, 100, 3, random_state=0)


@pytest.fixture
def server(made, tmp_path, keys):
    files = write_tournament(tmp_path / "server", made)
    with NumeraiServer({"v5.3": files}) as server:
        yield server


def run(tmp_path, *options):
    main = runpy.run_path(str(DAILY))["main"]
    main([MODEL, "--data-home", str(tmp_path / "data"), *options])


def test_without_send_nothing_is_sent(server, tmp_path, capsys):
    run(tmp_path)
    told = capsys.readouterr().out
    assert "Dry run: " in told
    assert "nothing was sent" in told
    assert server.stored == {}
    assert server.submissions == []


def test_with_send_the_live_rows_arrive(server, made, tmp_path, capsys):
    run(tmp_path, "--send")
    told = capsys.readouterr().out
    assert "v5.3: " in told
    assert "in 9 eras, out of sample\nVerdict: " in told
    assert f"Received: {len(made.live):,} predictions for '{MODEL}'" in told
    (content,) = server.stored.values()
    (tmp_path / "sent.csv").write_bytes(content)
    sent = pd.read_csv(tmp_path / "sent.csv", index_col="id")["prediction"]
    assert sorted(sent.index) == sorted(made.live.index)
    assert sent.between(0, 1).all()
    # What was sent is the ensemble's: the weights printed, and half neutral as it says.
    program = runpy.run_path(str(DAILY))
    frame = made.frame
    ensemble = program["make_ensemble"]()
    features = made.features[: (len(made.features) + 1) // 2]  # the set "small"
    kept = ["era", *made.models, *features]
    ensemble.fit(frame[kept], frame["target"])
    expected = pd.Series(ensemble.predict(made.live[kept]), made.live.index)
    np.testing.assert_allclose(sent, expected[sent.index], rtol=0, atol=1e-12)


def test_a_refusal_ends_the_program(server, tmp_path):
    server.fail("errors", on="create_submission", times=None)
    with pytest.raises(Exception, match="create_submission"):
        run(tmp_path, "--send")


def test_no_key_is_printed(server, tmp_path, capsys):
    run(tmp_path, "--send")
    captured = capsys.readouterr()
    for key in KEYS:
        assert key not in captured.out + captured.err
