"""The benchmarks: what they check, how they judge, and that every row runs."""

import json
import math

import numpy as np
import pytest
from click.testing import CliRunner

import benchmarks.__main__ as command
from benchmarks import coverage, data, growth, peers, report, shrinkage, timing
from benchmarks.rows import ROWS, Comparison, largest_difference, row
from benchmarks.scale import ScaleSizes
from benchmarks.setup import Setup, Sizes

TINY = Sizes(
    eras=3,
    rows=60,
    models=2,
    features=25,
    columns=3,
    exposed_models=2,
    exposed_features=25,
    scored_eras=2,
    refit_eras=30,
    streamed_eras=20,
    streamed_features=5,
    batch_rows=100,
    grown_eras=2,
    grown_features=(21, 25),
    grown_models=(2, 3),
)
TINY_SCALE = ScaleSizes(
    rows=5000,  # enough for columns to be standardised as made up
    long_era=6000,
    few=2,
    many=4,
    features=(3, 5),
    eras_of_few=3,
    eras_of_many=1,
    eras_read_of_many=1,
    eras_in_batches=4,
    searches=(("corr", 3, 4), ("mse", 4, 4), ("corr", 6, 4)),
    trees=((3, 12, 5), (4, 8, 2)),
)
PROCESSES = ("streaming", "import")
# Of the three peers only this one is not among what the tests need.
PEERS = {"rank-skfolio": "skfolio"}
# Rows whose two sides do different work, so that there is nothing to compare.
UNLIKE = {"rank-sort", "neutralize-floor", "stacking", *PROCESSES}


def comparison(own=1.0, theirs=1.0, **options):
    """Make a comparison of two measurements that are known."""
    return Comparison(
        work="work",
        against="other",
        ours=lambda: own,
        other=lambda: theirs,
        measure=timing.reported,
        **options,
    )


@pytest.fixture
def run(monkeypatch):
    """Run the command on tiny sizes."""
    monkeypatch.setattr(command, "FULL", TINY)
    monkeypatch.setenv("POLARS_MAX_THREADS", "2")
    return lambda *arguments: CliRunner().invoke(
        command.main, ["--threads", "1", *arguments]
    )


@pytest.fixture
def rows(monkeypatch):
    """Give an empty table of rows to fill."""
    table = {}
    monkeypatch.setattr(command, "ROWS", table)
    monkeypatch.setattr("benchmarks.rows.ROWS", table)
    return table


@pytest.mark.parametrize("name", [name for name in ROWS if name not in PROCESSES])
def test_every_row_agrees_with_its_peer_and_is_measured(name):
    if name in PEERS:
        pytest.importorskip(PEERS[name])
    result = ROWS[name](Setup(TINY)).run(5)
    assert result.note == ""
    assert len(result.own) == len(result.theirs) == len(result.ratios) == 5
    assert min(result.own + result.theirs) > 0
    assert (result.difference is None) == (name in UNLIKE)


@pytest.mark.slow
def test_peak_memory_is_that_of_the_process_that_streams(tmp_path):
    many = np.ones(100_000_000, dtype=np.int8)  # of which the child knows nothing
    result = ROWS["streaming"](Setup(TINY, folder=tmp_path)).run(1)
    assert many.sum() == 100_000_000
    assert 50 < result.own[0] < 1000
    assert result.ratios[0] < 1.2
    assert result.comparison.ceiling == 1500


@pytest.mark.slow
def test_import_is_timed_inside_the_new_process():
    result = ROWS["import"](Setup(TINY)).run(1)
    assert 0.01 < result.own[0] < 60


@pytest.mark.parametrize("name", growth.GROWTH)
def test_every_series_is_measured(name):
    series = growth.GROWTH[name](Setup(TINY)).run(2)
    first, *others = series.times
    assert series.ratio(first) == 1
    assert all(series.ratio(other) > 0 for other in others)
    assert all(len(times) == 2 for times in series.times.values())


def test_the_frame_series_do_the_work_of_the_bare_kernel():
    functions = growth.frame_of_ranks(Setup(TINY)).functions
    blocks = np.concatenate(functions["bare kernel"](), axis=1)
    frame = functions["pandas"]()
    np.testing.assert_array_equal(frame.iloc[:, 1:].to_numpy().T, blocks)
    np.testing.assert_array_equal(functions["array"]()[:, 1:].T, blocks)


def test_measurements_take_turns():
    calls = []
    sides = [lambda: calls.append("a"), lambda: calls.append("b")]
    times = timing.interleaved(sides, 3)
    assert calls == ["a", "b"] * 3
    assert [len(side) for side in times] == [3, 3]
    assert timing.interleaved([lambda: 2, lambda: 7], 2, timing.reported) == [
        [2, 2],
        [7, 7],
    ]


@pytest.mark.parametrize(
    ("own", "theirs", "options", "reached"),
    [
        (1.0, 20.0, {"at_least": 20}, True),
        (1.0, 19.9, {"at_least": 20}, False),
        (1.5, 1.0, {"at_most": 1.5}, True),
        (1.6, 1.0, {"at_most": 1.5}, False),
        (90.0, 90.0, {"at_most": 1.1, "ceiling": 100}, True),
        (101.0, 101.0, {"at_most": 1.1, "ceiling": 100}, False),
        (9.0, 1.0, {}, None),
    ],
)
def test_verdicts(own, theirs, options, reached):
    assert comparison(own, theirs, **options).run(5).reached is reached


def test_the_ratio_is_the_median_of_pairs_not_the_ratio_of_medians():
    own, theirs = iter([1.0, 10.0, 1.0]), iter([2.0, 20.0, 30.0])
    result = Comparison(
        work="",
        against="",
        ours=lambda: next(own),
        other=lambda: next(theirs),
        at_least=2,
        measure=timing.reported,
        warm_up=False,
    ).run(3)
    assert result.ratios == [2.0, 2.0, 30.0]
    assert "2.0x faster" in report.line("name", result)


def test_sides_that_differ_are_not_timed():
    result = comparison(
        1.0,
        1.1,
        numbers=lambda ours, other: ([ours], [other]),
        tolerance=0.09,
        at_least=0.1,
    ).run(5)
    assert result.own == []
    assert result.reached is False
    assert result.difference == pytest.approx(0.1)
    assert "differ by 0.1" in report.line("name", result)


@pytest.mark.parametrize(
    ("ours", "other", "difference"),
    [
        ([1.0, 2.0], [1.0, 2.5], 0.5),
        ([math.nan, 1.0], [math.nan, 1.0], 0.0),
        ([math.nan, 1.0], [0.0, 1.0], math.nan),
        ([math.inf], [1.0], math.inf),
        ([], [], 0.0),
    ],
)
def test_largest_difference(ours, other, difference):
    np.testing.assert_equal(largest_difference(ours, other), difference)


def test_a_missing_value_on_one_side_is_a_difference():
    options = {"numbers": lambda a, b: ([a], [b]), "tolerance": math.inf}
    assert comparison(math.nan, 1.0, **options, at_most=9).run(5).reached is False


def test_results_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"ours has shape \(1,\), the other \(2,\)"):
        largest_difference([1.0], [1.0, 1.0])


def test_a_wrong_peer_fails_the_command(run, monkeypatch):
    monkeypatch.setattr(peers, "published_rank_gauss", lambda frame, columns: frame)
    done = run("--row", "rank")
    assert done.exit_code == 1
    assert "the numbers differ by" in done.output


def test_a_missing_peer_is_reported_and_fails_nothing(run, monkeypatch):
    monkeypatch.setattr(peers, "find_spec", lambda name: None)
    done = run("--row", "rank-polars")
    assert done.exit_code == 0
    assert "not measured: polars is not installed" in done.output


def test_an_error_in_ours_is_not_taken_for_a_missing_peer(run, rows):
    @row("broken")
    def broken(setup):
        raise ModuleNotFoundError("skbench.kernels.gone")

    assert isinstance(run().exception, ModuleNotFoundError)


@pytest.mark.parametrize(("own", "code"), [(1.0, 0), (2.0, 1)])
def test_the_status_tells_whether_all_ratios_are_reached(run, rows, own, code):
    row("good")(lambda setup: comparison(1.0, 9.0, at_least=5))
    row("doubtful")(lambda setup: comparison(own, 1.0, at_most=1.5))
    row("information")(lambda setup: comparison(1.0, 0.1))
    done = run()
    assert done.exit_code == code
    assert done.output.count("| `") == 3
    assert "9.0x faster" in done.output
    assert ("**2.00x**" in done.output) == bool(code)


def test_rows_can_be_chosen_and_come_as_json(run):
    done = run("--json", "--row", "corr", "--row", "refit", "--repeats", "6")
    found = json.loads(done.output)
    assert [facts["row"] for facts in found["results"]] == ["corr", "refit"]
    assert found["environment"]["threads"] == 1
    assert found["environment"]["versions"]["numpy"] == np.__version__
    for facts in found["results"]:
        assert len(facts["ours"]) == len(facts["other"]) == 6
        assert facts["largest_difference"] < 1e-12
        assert facts["reached"] in (True, False)


def test_a_series_that_grows_too_fast_fails_the_command(run, monkeypatch):
    def series(setup):
        made = growth.Series("work", {"1": int, "8": int}, at_most=9)
        made.run = lambda repeats: made
        made.times = {"1": [1.0] * 5, "8": [8.9, 9.1, 9.2, 9.3, 7.0]}
        return made

    monkeypatch.setattr(command, "GROWTH", {"eras": series})
    done = run("--growth")
    assert done.exit_code == 1
    assert "| 9.10 |" in done.output
    assert "not reached" in done.output


def test_scale_prints_its_tables(run, monkeypatch):
    monkeypatch.setattr(command, "FULL_SCALE", TINY_SCALE)
    pytest.importorskip("dask.dataframe", reason="needs the extra `dask`")
    done = run("--scale")
    assert done.exit_code == 0, done.exception
    about, *tables = done.output.strip().split("\n\n")
    assert about.startswith("1 thread on ")
    costs, searches, trees, estimate = [table.splitlines() for table in tables]
    assert len(costs) == 2 + 17
    assert all(float(line.split(" | ")[2]) > 0 for line in costs[2:])
    assert [line.split(" | ")[0] for line in searches[2:]] == [
        '| "corr"',
        '| "mse"',
        '| "corr"',
    ]
    assert all(float(line.split(" | ")[-1].strip(" |")) <= 1e-12 for line in trees[2:])
    assert [line.split(" | ")[3] for line in trees[2:]] == ["3", "1"]
    # 16 bytes x 4 x 4 models in each of 200,000 eras; ten levels of half of it.
    assert "| moments of all eras | 51.2 MB | 42.7 MB |" in estimate
    assert "| sent by 1,000 partitions | 256 MB | 213 MB |" in estimate
    for line in (*costs, *searches, *trees, *estimate):
        assert line.startswith("|")
        assert line.endswith("|")


def test_scale_without_dask_says_so(run, monkeypatch):
    monkeypatch.setattr(command, "FULL_SCALE", TINY_SCALE)
    monkeypatch.setattr("benchmarks.scale.find_spec", lambda name: None)
    done = run("--scale")
    assert done.exit_code == 0
    assert "not measured: dask is not installed" in done.output
    assert "moments of all eras" in done.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["--repeats", "4"],
        ["--row", "nothing"],
        ["--threads", "0"],
        ["--scale", "--growth"],
        ["--scale", "--row", "rank"],
        ["--scale", "--json"],
    ],
)
def test_bad_arguments_are_refused(run, arguments):
    assert run(*arguments).exit_code == 2


def test_eras_of_the_data_are_slices_that_cover_it():
    frame, _, _ = data.predictions(3, 4, 2, np.random.default_rng(0))
    assert data.by_era(frame) == [slice(0, 4), slice(4, 8), slice(8, 12)]


@pytest.mark.parametrize("horizon", [5, 13])
@pytest.mark.parametrize("noise", ["normal", "fat tails", "half white"])
def test_intervals_hold_what_they_promise_and_blocks_did_not(horizon, noise):
    found = coverage.coverage(horizon, 40, noise, 2000)
    # Three standard errors of a share of 2,000 worlds are 1.5 %.
    for name in ("mean", "sharpe", "difference"):
        assert 0.93 - 0.015 <= found[name] <= 0.975 + 0.015
    assert found["blocks"] < 0.88


def test_the_table_of_coverage_is_printed():
    done = CliRunner().invoke(coverage.main, ["--worlds", "20"])
    assert done.exit_code == 0
    lines = done.output.splitlines()
    n_rows = len(coverage.HORIZONS) * len(coverage.NOISES) * len(coverage.N_ERAS)
    assert len([line for line in lines if line.startswith("| ")]) == 1 + n_rows


def test_the_tables_of_shrinkage_are_printed():
    done = CliRunner().invoke(shrinkage.main, ["--quick", "--worlds", "2"])
    assert done.exit_code == 0, done.exception
    lines = done.output.splitlines()
    n_cells = 4 * 2 + 2 * 1 + 1
    assert len([line for line in lines if line.startswith("| ")]) == 7 + n_cells


def test_a_cell_fails_where_less_is_kept_than_asked():
    values = dict.fromkeys(shrinkage.WAYS, 1.0)

    def verdict(**worse):
        return shrinkage.cell_of(lambda seed: values | worse, 3)[1]

    assert verdict(bayes=0.991) == ""
    assert verdict(bayes=0.98) == "fails"  # a hundredth of the raw optimum at most
    assert verdict(bayes=0.98, raw=0.9) == ""
    assert verdict(bayes=0.96, raw=0.9) == "fails"
    means, noisy = shrinkage.cell_of(lambda seed: values | {"bayes": seed % 2 * 1.9}, 4)
    assert noisy == "close"
    assert means["bayes"] == 0.95


@pytest.mark.parametrize("near", [False, True])
@pytest.mark.parametrize(
    ("objective", "corr", "contribution"),
    [("corr", 1.0, 0.0), ("contribution", 0.0, 1.0), ("payout", 0.75, 2.25)],
)
def test_the_worlds_of_shrinkage_know_their_best_weights(
    objective, corr, contribution, near
):
    rng = np.random.default_rng(0)
    world, moments = shrinkage.made_up(6, 5000, 0.004, near, objective, rng)
    best = world.best()
    others = rng.dirichlet(np.ones(6), 200)
    assert world.value(best) >= max(world.value(weights) for weights in others)
    # In many eras each model scores what it truly does.
    cross = moments["reference_cross"] * moments["reference_target"][:, None]
    each = moments["reference_target_covariance"]
    seen = (corr * each + contribution * (each - cross)).mean(axis=0)
    tolerance = 0.003 * (corr + contribution)
    np.testing.assert_allclose(seen, world.scores, atol=tolerance)
    problem = shrinkage.asked(moments, objective)
    for weights in others[:20]:
        assert problem.value(weights) == pytest.approx(
            world.value(weights), abs=tolerance
        )


@pytest.mark.slow
def test_shrunk_weights_keep_what_raw_and_equal_ones_have():
    lost = {}
    for spread in (0.0, 0.008):
        cell = (10, 100, spread)
        found = [shrinkage.of_moments(cell, "corr", False, seed) for seed in range(150)]
        means = {way: np.mean([one[way] for one in found]) for way in shrinkage.WAYS}
        for way in ("equal", "raw"):
            lost[way, spread] = 1 - means["bayes"] / means[way]
    # At most 3 % and 1 %, and three standard errors of so few worlds.
    assert lost["equal", 0.0] < 0.03 + 0.01
    assert lost["raw", 0.008] < 0.01 + 0.005
    assert lost["raw", 0.0] < -0.05
    assert lost["equal", 0.008] < -0.3
