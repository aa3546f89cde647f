"""Torch tensors give what arrays give, wherever the linear algebra is done."""

import inspect
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import reference
from scipy.linalg import lapack
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from skbench import EraRank, EraRankGauss, FeatureNeutralizer, neutralization_path
from skbench.kernels import device
from skbench.kernels.neutralize import neutralize
from skbench.metrics import feature_neutral_corr, max_feature_exposure, numerai_corr

torch = pytest.importorskip("torch", reason="tensors need the extra `torch`")

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
NAN = np.nan
SIZES = (60, 25, 90, 41)


@pytest.fixture(params=DEVICES)
def on(request):
    """Move an array to a device."""
    return lambda array: torch.as_tensor(np.asarray(array)).to(request.param)


def host(tensor):
    assert isinstance(tensor, torch.Tensor)
    return tensor.cpu().numpy()


def assert_close(got, expected, tolerance=1e-8):
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance)


FEATURES = {
    "bins": lambda rng, shape: rng.integers(0, 5, shape),
    "centred bins": lambda rng, shape: rng.integers(-2, 3, shape),
    "quarters": lambda rng, shape: rng.integers(0, 5, shape) / 4,
    "far bins": lambda rng, shape: rng.integers(0, 5, shape) + 4000,
    "continuous": lambda rng, shape: rng.normal(size=shape),
    "of many sizes": lambda rng, shape: (
        rng.normal(size=shape) * 10.0 ** rng.integers(-8, 8, shape[1])
    ),
    "nearly collinear": lambda rng, shape: (
        rng.normal(size=(shape[0], 1)) + 1e-3 * rng.normal(size=shape)
    ),
    "far from zero": lambda rng, shape: 1e6 + rng.normal(size=shape),
    "very far from zero": lambda rng, shape: 1e10 + rng.normal(size=shape),
    "beyond squares": lambda rng, shape: 1e200 * rng.normal(size=shape),
    "below squares": lambda rng, shape: 1e-200 * rng.normal(size=shape),
}


def make_rows(kind="bins", m=8, sizes=SIZES, k=2, seed=0, shuffled=True):
    """Columns: era, k predictions, m features, of eras of several sizes."""
    rng = np.random.default_rng(seed)
    era = np.repeat(np.arange(len(sizes)) + 3.0, sizes)
    F = FEATURES[kind](rng, (len(era), m)).astype(float)
    with np.errstate(over="ignore"):
        lean = (F - F.mean(axis=0)) / np.abs(F).max(axis=0)
    predictions = rng.normal(size=(len(era), k)) + lean @ rng.normal(size=(m, k)) + 0.5
    X = np.column_stack([era, predictions, F])
    return X[rng.permutation(len(X))] if shuffled else X


def neutralizer(X, k=2, **options):
    return FeatureNeutralizer([*range(1 + k, X.shape[1])], era=0, **options)


def check_equal(X, on, tolerance=1e-8, k=2, **options):
    expected = neutralizer(X, k, **options).fit_transform(X)
    got = host(neutralizer(X, k, **options).fit_transform(on(X)))
    assert got.dtype == expected.dtype
    assert_close(got, expected, tolerance)
    return got


def fallbacks(monkeypatch):
    """Count the eras that the numpy kernel gets."""
    counted = []

    def counting(block, features, **options):
        counted.append(block.shape[1])
        return neutralize(block, features, **options)

    monkeypatch.setattr("skbench._neutralizer.neutralize", counting)
    return counted


class TestEqualsNumpy:
    @pytest.mark.parametrize("kind", FEATURES)
    @pytest.mark.parametrize("intercept", [True, False])
    @pytest.mark.parametrize("standardize", [True, False])
    def test_every_kind_of_feature(self, on, kind, intercept, standardize):
        X = make_rows(kind)
        check_equal(X, on, fit_intercept=intercept, standardize=standardize)

    @pytest.mark.parametrize("kind", ["bins", "quarters", "continuous", "far bins"])
    def test_no_era_of_ordinary_features_leaves_the_device(self, on, kind, monkeypatch):
        X = make_rows(kind)
        expected = neutralizer(X).fit_transform(X)
        counted = fallbacks(monkeypatch)
        assert_close(host(neutralizer(X).fit_transform(on(X))), expected)
        assert counted == []

    @pytest.mark.parametrize("proportion", [0, 0.3, 1])
    def test_proportions(self, on, proportion):
        check_equal(make_rows(), on, proportion=proportion)

    def test_the_slow_reference(self, on):
        X = make_rows("continuous", k=1)
        got = host(neutralizer(X, 1, proportion=0.5).fit_transform(on(X)))[:, 1]
        expected = reference.by_era(
            lambda x, F: reference.neutralize(x, F, proportion=0.5),
            pd.Series(X[:, 0]),
            pd.Series(X[:, 1]),
            pd.DataFrame(X[:, 2:]),
        )
        assert_close(got, expected)

    @pytest.mark.parametrize("kind", ["bins", "continuous"])
    def test_nothing_is_left_to_correlate(self, on, kind):
        X = make_rows(kind, m=20)
        got = host(neutralizer(X).fit_transform(on(X)))
        for era in np.unique(X[:, 0]):
            rows = X[:, 0] == era
            both = np.corrcoef(got[rows, 1], X[rows, 3:], rowvar=False)
            assert np.abs(both[0, 1:]).max() < 1e-10

    @pytest.mark.parametrize("m", [40, 41, 42, 59, 100])
    def test_features_as_many_as_rows(self, on, m):
        # Of the eras some have fewer rows than features, as many, or one more.
        X = make_rows("continuous", m=m)
        # A residual of few degrees of freedom is known to fewer digits.
        check_equal(X, on, 1e-7, standardize=False)

    def test_eras_without_more_rows_than_features_are_not_tried(self, on, monkeypatch):
        X = make_rows("continuous", m=60)
        tried = []
        residuals = device._residuals

        def recording(blocks, *rest):
            tried.extend(block.shape[1] for block in blocks)
            return residuals(blocks, *rest)

        monkeypatch.setattr(device, "_residuals", recording)
        neutralizer(X).fit_transform(on(X))
        assert tried == [90]

    def test_one_feature_one_prediction(self, on):
        check_equal(make_rows(m=1, k=1), on, k=1)

    @pytest.mark.parametrize("sizes", [(1,), (1, 1, 50), (2, 3, 50), (50,)])
    def test_tiny_eras(self, on, sizes):
        check_equal(make_rows(m=1, sizes=sizes), on)

    def test_the_path_of_proportions(self, on):
        X = make_rows()
        options = {"neutralizers": [*range(3, X.shape[1])], "era": 0}
        expected = neutralization_path(X, [0, 0.5, 1], **options)
        got = neutralization_path(on(X), [0, 0.5, 1], **options)
        assert_close(host(got), expected)

    def test_scattered_columns_and_those_passed_through(self, on):
        X = make_rows(m=6)
        options = {"columns": [4, 1], "neutralizers": [7, 3, 5], "era": 0}
        for keep in (False, True):
            estimator = FeatureNeutralizer(keep_neutralizers=keep, **options)
            expected = estimator.fit_transform(X)
            assert_close(host(clone(estimator).fit_transform(on(X))), expected)

    def test_era_in_the_last_column_or_none(self, on):
        X = np.roll(make_rows(sizes=(50,)), -1, axis=1)
        for era, n in ((-1, X.shape[1] - 1), (None, X.shape[1])):
            estimator = FeatureNeutralizer([*range(2, n)], columns=[0], era=era)
            expected = estimator.fit_transform(X)
            assert_close(host(clone(estimator).fit_transform(on(X))), expected)


class TestPolicies:
    """Every gap and doubt gives what it gives for an array."""

    def test_missing_predictions(self, on, monkeypatch):
        X = make_rows(shuffled=False)
        X[3, 1] = NAN  # a gap in the first era
        X[X[:, 0] == 4, 2] = (
            NAN  # a model that lacks the second: it stays on the device
        )
        got = check_equal(X, on)
        assert np.isnan(got[3, 1])
        assert np.isnan(got).sum() == 1 + SIZES[1]
        counted = fallbacks(monkeypatch)
        neutralizer(X).fit_transform(on(X))
        assert counted == [SIZES[0]]

    @pytest.mark.parametrize("missing", ["median", 0.25])
    def test_missing_features(self, on, missing, monkeypatch):
        X = make_rows(shuffled=False)
        X[3, 5] = NAN
        X[X[:, 0] == 4, 6] = NAN
        check_equal(X, on, missing=missing)
        counted = fallbacks(monkeypatch)
        neutralizer(X).fit_transform(on(X))
        assert sorted(counted) == sorted(SIZES[:2])

    def test_missing_features_refused(self, on):
        X = make_rows()
        X[3, 5] = NAN
        with pytest.raises(ValueError, match="column 5 has 1 missing values"):
            neutralizer(X, missing="raise").fit_transform(on(X))

    @pytest.mark.parametrize(
        ("column", "what"), [(1, "prediction"), (5, "neutralizer")]
    )
    @pytest.mark.parametrize("value", [np.inf, -np.inf])
    def test_infinite_values_refused(self, on, column, what, value):
        X = make_rows()
        X[3, column] = value
        with pytest.raises(ValueError, match=f"{what} column {column} has 1 infinite"):
            neutralizer(X).fit_transform(on(X))

    @pytest.mark.parametrize("kind", ["bins", "continuous"])
    @pytest.mark.parametrize("intercept", [True, False])
    def test_constant_features_stay_on_the_device(
        self, on, kind, intercept, monkeypatch
    ):
        X = make_rows(kind)
        X[:, 4] = 3.0 if kind == "bins" else 0.1
        X[:, 6] = 0.0
        check_equal(X, on, fit_intercept=intercept)
        counted = fallbacks(monkeypatch)
        neutralizer(X, fit_intercept=intercept).fit_transform(on(X))
        assert counted == []

    def test_features_that_are_constant_but_for_rounding(self, on):
        X = make_rows("continuous")
        rng = np.random.default_rng(3)
        X[:, 4] = 1 + np.finfo(float).eps * rng.integers(0, 2, len(X))
        check_equal(X, on)

    @pytest.mark.parametrize("kind", ["bins", "continuous", "quarters"])
    @pytest.mark.parametrize("noise", [0.0, 1e-15, 1e-12, 1e-9, 1e-8, 1e-7])
    def test_collinear_features(self, on, kind, noise):
        X = make_rows(kind)
        rng = np.random.default_rng(1)
        X[:, 5] = X[:, 3] + X[:, 4] + noise * rng.normal(size=len(X))
        check_equal(X, on, 1e-7)

    @pytest.mark.parametrize("noise", [1e-7, 1e-5, 1e-4, 1e-3])
    @pytest.mark.parametrize("rcond", [0.0, 1e-12, 1e-6, 1e-4, 0.1, 1.0])
    def test_rcond(self, on, noise, rcond):
        X = make_rows("continuous")
        rng = np.random.default_rng(2)
        X[:, 5] = X[:, 3] + noise * rng.normal(size=len(X))
        # Where next to nothing tells two features apart, little is known of it.
        check_equal(X, on, 1e-12 / noise**2 + 1e-8, rcond=rcond)

    def test_only_the_collinear_eras_leave_the_device(self, on, monkeypatch):
        X = make_rows(shuffled=False)
        X[X[:, 0] == 5, 7] = X[X[:, 0] == 5, 8]
        counted = fallbacks(monkeypatch)
        neutralizer(X).fit_transform(on(X))
        assert counted == [SIZES[2]]

    def test_constant_and_explained_predictions_become_zero(self, on):
        X = make_rows()
        X[:, 1] = 0.3
        X[:, 2] = X[:, 3] - 2 * X[:, 5] + 1
        assert not check_equal(X, on)[:, 1:3].any()

    def test_predictions_of_any_size(self, on):
        X = make_rows()
        X[:, 1] *= 1e250
        X[:, 2] *= 1e-250
        check_equal(X, on)

    def test_nearly_explained_predictions(self, on):
        X = make_rows("continuous")
        X[:, 1] = X[:, 3] * 1e4 + 1e-1 * X[:, 1]
        check_equal(X, on)

    def test_an_era_that_does_not_settle_leaves_the_device(self, on, monkeypatch):
        X = make_rows()
        expected = neutralizer(X).fit_transform(X)
        monkeypatch.setattr(device, "REFINEMENTS", 1)
        counted = fallbacks(monkeypatch)
        assert_close(host(neutralizer(X).fit_transform(on(X))), expected)
        assert sorted(counted) == sorted(SIZES)


class TestLaws:
    def test_batches_of_eras_give_what_all_give(self, on, monkeypatch):
        X = make_rows("continuous", sizes=(40, 30, 55, 30, 47, 33), shuffled=False)
        whole = host(neutralizer(X).fit_transform(on(X)))
        for era in np.unique(X[:, 0]):
            rows = X[:, 0] == era
            assert_close(
                host(neutralizer(X).fit_transform(on(X[rows]))), whole[rows], 1e-12
            )
        monkeypatch.setattr(device, "_BATCH_BYTES", 1)
        assert_close(host(neutralizer(X).fit_transform(on(X))), whole, 1e-12)

    def test_row_order(self, on):
        X = make_rows("bins", shuffled=False)
        order = np.random.default_rng(5).permutation(len(X))
        whole = host(neutralizer(X).fit_transform(on(X)))
        got = host(neutralizer(X).fit_transform(on(X[order])))
        assert_close(got, whole[order], 1e-12)

    def test_a_bad_era_harms_no_other(self, on):
        X = make_rows("continuous", shuffled=False)
        other = X[:, 0] != 4
        whole = host(neutralizer(X).fit_transform(on(X)))
        X[~other, 3:] = NAN
        got = host(neutralizer(X).fit_transform(on(X)))
        assert_close(got[other], whole[other], 1e-12)

    def test_chunks_of_rows(self, on, monkeypatch):
        X = make_rows()
        whole = host(neutralizer(X).fit_transform(on(X)))
        monkeypatch.setattr(device, "_CHUNK", 7)
        assert_close(host(neutralizer(X).fit_transform(on(X))), whole, 1e-12)

    @pytest.mark.parametrize("limit", [1, 50_000, 10**9])
    def test_batches_fit_into_memory(self, limit, monkeypatch):
        monkeypatch.setattr(device, "_BATCH_BYTES", limit)
        sizes = {0: 50, 2: 10, 5: 70, 7: 70, 8: 1}
        batches = list(device._batches(sizes, 8))
        assert sorted(i for batch in batches for i in batch) == [0, 2, 5, 7, 8]
        for batch in batches:
            largest = max(sizes[i] for i in batch)
            need = 8 * (device._BYTES_A_VALUE * largest + device._BYTES_A_PAIR * 8)
            assert len(batch) == 1 or len(batch) * need <= limit
        assert len(batches) == {1: 5, 50_000: 2, 10**9: 1}[limit]


class TestTensors:
    def test_float32_in_and_out(self, on):
        X = make_rows("bins").astype(np.float32)
        got = check_equal(X, on, 1e-6)
        assert got.dtype == np.float32

    @pytest.mark.parametrize("dtype", ["float16", "int64", "int8", "uint8", "bool"])
    def test_other_dtypes(self, on, dtype):
        rng = np.random.default_rng(0)
        X = rng.integers(0, 2 if dtype == "bool" else 50, (300, 9)).astype(dtype)
        X[:, 0] = np.arange(300) % 2
        assert check_equal(X, on, k=1).dtype == np.float64

    def test_same_device_and_no_change_of_the_input(self, on):
        X = on(make_rows())
        before = X.clone()
        out = neutralizer(X).fit_transform(X)
        assert out.device == X.device
        assert torch.equal(X, before)
        assert out.shape == (len(X), 3)

    def test_views_that_are_not_contiguous(self, on):
        X = make_rows()
        expected = neutralizer(X).fit_transform(X)
        got = neutralizer(X).fit_transform(on(np.ascontiguousarray(X.T)).T)
        assert_close(host(got), expected)
        got = neutralizer(X).fit_transform(on(np.repeat(X, 2, axis=0))[::2])
        assert_close(host(got), expected)

    def test_predict_score_and_frames(self, on):
        X = make_rows()
        y = np.random.default_rng(1).integers(0, 5, len(X)) / 4
        own, other = neutralizer(X).fit(on(X)), neutralizer(X).fit(X)
        assert_close(own.predict(on(X)), other.predict(X))
        assert own.score(on(X), on(y)) == pytest.approx(other.score(X, y), abs=1e-8)
        frame = own.set_output(transform="pandas").transform(on(X))
        assert isinstance(frame, pd.DataFrame)
        assert_close(frame, other.transform(X))

    def test_fitted_on_an_array(self, on):
        X = make_rows()
        fitted = neutralizer(X).fit(X)
        assert_close(host(fitted.transform(on(X))), fitted.transform(X))

    def test_a_pipeline_of_tensors(self, on):
        X = make_rows()
        steps = (
            EraRankGauss([1, 2], era=0),
            neutralizer(X),
            EraRank([1, 2], era=0),
        )
        expected = make_pipeline(*steps).fit_transform(X)
        got = make_pipeline(*map(clone, steps)).fit_transform(on(X))
        assert_close(host(got), expected)

    @pytest.mark.parametrize(
        ("change", "error", "message"),
        [
            (lambda X: X[0], ValueError, "two dimensions; got shape"),
            (lambda X: X[None], ValueError, "two dimensions; got shape"),
            (lambda X: X[:0], ValueError, "X has 0 rows"),
            (lambda X: X.to_sparse(), ValueError, "must be a dense tensor"),
            (lambda X: X.bfloat16(), TypeError, "convert it to torch.float64"),
            (lambda X: X + 0j, TypeError, "tensor of torch.complex128"),
            (lambda X: X.requires_grad_(), ValueError, r"pass X.detach\(\)"),
            (lambda X: X[:, :-1], ValueError, "position 10, but X has 10 columns"),
        ],
    )
    def test_unusable_tensors(self, on, change, error, message):
        X = make_rows()
        with pytest.raises(error, match=message):
            neutralizer(X).fit_transform(change(on(X)))

    def test_missing_era_labels(self, on):
        X = make_rows()
        X[2, 0] = NAN
        with pytest.raises(ValueError, match="1 missing labels, the first in row 2"):
            neutralizer(X).fit_transform(on(X))

    def test_another_number_of_columns(self, on):
        X = make_rows()
        fitted = neutralizer(X).fit(on(X))
        with pytest.raises(ValueError, match="X has 10 features, but"):
            fitted.transform(on(X[:, :-1]))


class TestTheCallersSettings:
    """What a user has set for training changes nothing."""

    def test_autocast(self, on):
        X = make_rows("bins", m=20, sizes=(400, 300))
        expected = neutralizer(X).fit_transform(X)
        with torch.autocast(on(X).device.type, dtype=torch.bfloat16):
            got = neutralizer(X).fit_transform(on(X))
        assert_close(host(got), expected)

    @pytest.mark.parametrize("precision", ["medium", "high"])
    def test_low_precision_products(self, on, precision, monkeypatch):
        X = make_rows("bins", m=20, sizes=(400, 300))
        expected = neutralizer(X).fit_transform(X)
        counted = fallbacks(monkeypatch)
        torch.set_float32_matmul_precision(precision)
        try:
            got = neutralizer(X).fit_transform(on(X))
        finally:
            torch.set_float32_matmul_precision("highest")
        assert_close(host(got), expected)
        assert counted == []

    def test_default_dtype_and_inference_mode(self, on):
        X = make_rows()
        expected = neutralizer(X).fit_transform(X)
        torch.set_default_dtype(torch.float16)
        try:
            with torch.inference_mode():
                got = neutralizer(X).fit_transform(on(X))
        finally:
            torch.set_default_dtype(torch.float32)
        assert_close(host(got), expected)

    def test_no_warning(self, on):
        X = make_rows()
        X.flags.writeable = False
        features = on(X.copy())
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            neutralizer(X).fit_transform(features)


class TestFeatureNeutralCorr:
    def scored(self, X, on, tolerance=1e-8, **options):
        y = np.random.default_rng(1).integers(0, 5, len(X)) / 4
        y[:5] = NAN
        options |= {"era": X[:, 0]}
        expected = feature_neutral_corr(y, X[:, 1:3], X[:, 3:], **options)
        got = feature_neutral_corr(y, X[:, 1:3], on(X[:, 3:]), **options)
        pd.testing.assert_frame_equal(got, expected, rtol=0, atol=tolerance)
        return got

    @pytest.mark.parametrize(
        "kind", [kind for kind in FEATURES if kind != "beyond squares"]
    )
    def test_equals_numpy(self, on, kind):
        assert self.scored(make_rows(kind), on).notna().all(axis=None)

    def test_top_and_bottom(self, on):
        self.scored(make_rows(), on, top_bottom=10)

    def test_gaps(self, on):
        X = make_rows(shuffled=False)
        X[3, 1] = NAN
        X[X[:, 0] == 4, 2] = NAN
        X[-3, 5] = NAN
        assert self.scored(X, on).isna().sum(axis=None) == 1

    def test_collinear_constant_and_too_many(self, on):
        X = make_rows(m=30, shuffled=False)
        X[:, 5] = X[:, 6]
        X[:, 7] = 1.0
        self.scored(X, on)

    def test_infinite_predictions_rank_as_extremes(self, on):
        X = make_rows()
        X[7, 1] = np.inf
        self.scored(X, on)

    def test_infinite_features_and_targets_refused(self, on):
        X = make_rows()
        for value in (np.inf, 1e101):
            X[7, 5] = value
            with pytest.raises(
                ValueError, match="`features` has 1 infinite or huge values"
            ):
                feature_neutral_corr(X[:, 2], X[:, 1], on(X[:, 3:]), era=X[:, 0])
        X = make_rows()
        X[7, 2] = np.inf
        with pytest.raises(ValueError, match="`y_true` has 1 infinite or huge values"):
            feature_neutral_corr(X[:, 2], X[:, 1], on(X[:, 3:]), era=X[:, 0])

    def test_everything_a_tensor(self, on):
        X = make_rows()
        columns = X[:, 2], X[:, 1], X[:, 3:].astype(np.int8)
        expected = feature_neutral_corr(*columns, era=X[:, 0])
        got = feature_neutral_corr(*map(on, columns), era=on(X[:, 0]))
        pd.testing.assert_frame_equal(got, expected, rtol=0, atol=1e-8)
        assert list(got.columns) == ["prediction"]

    def test_one_feature(self, on):
        self.scored(make_rows(m=1), on)

    def test_rows_must_belong_together(self, on):
        X = make_rows()
        with pytest.raises(ValueError, match="rows and `features` has"):
            feature_neutral_corr(X[:, 2], X[:, 1], on(X[1:, 3:]), era=X[:, 0])

    def test_other_metrics_take_tensors(self, on):
        X = make_rows()
        for metric, columns in (
            (numerai_corr, (X[:, 2], X[:, 1:3])),
            (max_feature_exposure, (X[:, 1:3], X[:, 3:])),
        ):
            expected = metric(*columns, era=X[:, 0])
            got = metric(*map(on, columns), era=on(X[:, 0]))
            pd.testing.assert_frame_equal(got, expected)


class TestSinglePrecision:
    @pytest.mark.parametrize(
        ("n", "largest", "exact"),
        # 256 rows of 256 have a sum of squares of 2^24, which is one too many.
        [(255, 256.0, True), (256, 256.0, False), (9, 257.0, False), (9, 2.5, False)],
    )
    @pytest.mark.parametrize("sign", [1, -1])
    def test_only_where_it_is_exact(self, n, largest, exact, sign):
        values = torch.ones(2, n, 3, dtype=torch.float64)
        values[1, -1, 2] = sign * largest
        counts = torch.full((2, 1, 1), float(n), dtype=torch.float64)
        assert device._whole_numbers(values, counts) is exact


class TestFactorize:
    @pytest.mark.parametrize("rcond", [0.0, 1e-6])
    def test_doubtful_ranks(self, rcond):
        matrices = torch.eye(2, dtype=torch.float64).repeat(4, 1, 1)
        for i, correlation in enumerate([0.5, 2.0, 1 - 1e-12, NAN]):
            matrices[i, 0, 1] = matrices[i, 1, 0] = correlation
        _, trusted = device._factorize(matrices, rcond)
        assert trusted.tolist() == [True, False, False, False]


class TestInverseNorm:
    @pytest.mark.parametrize("m", [1, 2, 7, 40])
    @pytest.mark.parametrize("spread", [0, 2, 4])
    def test_close_to_the_norm_and_never_above(self, m, spread):
        rng = np.random.default_rng(m)
        basis = np.linalg.qr(rng.normal(size=(5, m, m)))[0]
        sizes = 10.0 ** -rng.uniform(0, spread, (5, 1, m))
        matrices = (basis * sizes) @ basis.swapaxes(1, 2)
        factors = torch.linalg.cholesky(torch.from_numpy(matrices))
        got = device._inverse_norm(factors).numpy()
        exact = np.abs(np.linalg.inv(matrices)).sum(axis=1).max(axis=1)
        assert (got <= exact * (1 + 1e-6)).all()
        assert (got >= exact / 3).all()


def test_import_skbench_leaves_torch_alone():
    program = (
        "import sys, numpy as np, skbench\n"
        "X = np.random.default_rng(0).normal(size=(50, 3))\n"
        "skbench.FeatureNeutralizer([1, 2]).fit_transform(X)\n"
        "from skbench.metrics import feature_neutral_corr as fnc\n"
        "fnc(X[:, 0], X[:, 1], X[:, 1:], era=[1] * 50)\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def check_against_pocon(matrix, at_least=False):
    """Compare the norm of the inverse with LAPACK's estimate; return it."""
    lower = np.linalg.cholesky(matrix)
    got = device._inverse_norm(torch.from_numpy(lower[None])).item()
    expected = 1 / lapack.dpocon(lower.T, 1.0)[0]
    if at_least:
        assert got >= expected * (1 - 1e-9)
    else:
        assert got == pytest.approx(expected, rel=1e-9)
    return got


class TestRareFeatures:
    @pytest.mark.parametrize("size", [1e15, 1e-15, 1e170, -1e170, 1e-170])
    def test_one_feature_of_another_size(self, on, size):
        X = make_rows("continuous")
        X[:, 5] = size * (X[:, 5] > 0)  # 0 is among them, and the largest of one
        check_equal(X, on)

    @pytest.mark.parametrize("intercept", [True, False])
    def test_continuous_features_in_single_precision(self, on, intercept):
        X = make_rows("continuous").astype(np.float32)
        check_equal(X, on, 1e-5, fit_intercept=intercept)

    @pytest.mark.parametrize(
        ("shares", "settles"),
        [((0.0, 1e-10), True), ((0.0, 1e-6), False), ((0.1, 0.0), False)],
    )
    def test_one_step_settles_what_features_hardly_explain(
        self, on, shares, settles, monkeypatch
    ):
        X = make_rows("continuous", sizes=(400,))
        basis = np.linalg.qr(np.column_stack([np.ones(400), X[:, 3:]]))[0]
        X[:, 1:3] -= basis @ (basis.T @ X[:, 1:3])
        X[:, 1:3] /= np.linalg.norm(X[:, 1:3], axis=0)
        X[:, 1:3] += np.sqrt(shares) * basis[:, [4]]
        expected = neutralizer(X).fit_transform(X)
        monkeypatch.setattr(device, "REFINEMENTS", 1)
        counted = fallbacks(monkeypatch)
        assert_close(host(neutralizer(X).fit_transform(on(X))), expected)
        assert counted == ([] if settles else [400])

    def test_chunks_of_fewer_rows_than_there_are_eras(self, on, monkeypatch):
        monkeypatch.setattr(device, "_CHUNK", 3)
        check_equal(make_rows(), on)

    def test_many_rows_where_the_default_dtype_counts_no_further_than_2048(self, on):
        X = make_rows("quarters", m=2, sizes=(4097, 30))
        expected = neutralizer(X).fit_transform(X)
        torch.set_default_dtype(torch.float16)
        try:
            got = neutralizer(X).fit_transform(on(X))
        finally:
            torch.set_default_dtype(torch.float32)
        assert_close(host(got), expected)

    def test_the_longest_era_decides_what_is_exact(self):
        values = torch.full((2, 256, 1), 256.0, dtype=torch.float64)
        counts = torch.tensor([9.0, 256.0], dtype=torch.float64)[:, None, None]
        assert not device._whole_numbers(values, counts)
        assert device._whole_numbers(values, counts.clamp(max=255.0))

    @pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
    @pytest.mark.parametrize(("rcond", "expected"), [(1e-6, True), (1e-3, False)])
    def test_trust_goes_by_the_square_of_rcond(self, rcond, expected, scale):
        near = 1 - 1e-7
        matrix = torch.tensor([[[1.0, near], [near, 1.0]]], dtype=torch.float64)
        assert device._factorize(scale * matrix, rcond)[1].tolist() == [expected]

    @pytest.mark.parametrize("m", [1, 2, 3, 8])
    def test_the_norm_of_an_inverse_is_no_smaller_than_lapack_has_it(self, m):
        rng = np.random.default_rng(m)
        for _ in range(50):
            rows = rng.normal(size=(m + 1, m)) + rng.normal(size=(m + 1, 1))
            check_against_pocon(rows.T @ rows, at_least=True)

    @pytest.mark.parametrize("m", [3, 4, 7])
    def test_what_only_the_second_start_sees(self, m):
        # The first sees no more of this inverse, the identity plus a large matrix of
        # rank one, than the identity.
        direction = np.zeros(m)
        direction[[1, 2]] = 1.0, -1.0
        inverse = np.eye(m) + 1e4 * np.outer(direction, direction)
        assert check_against_pocon(np.linalg.inv(inverse)) > 1e3


class TestRules:
    def test_defaults_are_those_of_the_numpy_kernel(self):
        of_device, of_numpy = (
            inspect.signature(function).parameters
            for function in (device.neutralize_eras, neutralize)
        )
        names = ["proportions", "fit_intercept", "standardize", "rcond"]
        for name in names:
            assert of_device[name].default == of_numpy[name].default

    def test_a_batch_is_full(self, monkeypatch):
        sizes = {0: 50, 2: 10, 5: 70, 7: 69, 8: 1, 9: 100, 11: 100}

        def need(batch, m=8):
            largest = max(sizes[i] for i in batch)
            pairs, values = device._BYTES_A_PAIR * m, device._BYTES_A_VALUE * largest
            return len(batch) * m * (values + pairs)

        for limit in [need([9]) * n for n in range(1, 8)] + [
            *range(10_000, 150_000, 997)
        ]:
            monkeypatch.setattr(device, "_BATCH_BYTES", limit)
            batches = list(device._batches(sizes, 8))
            assert sorted(i for batch in batches for i in batch) == sorted(sizes)
            for batch, following in zip(batches, [*batches[1:], None], strict=True):
                assert len(batch) == 1 or need(batch) <= limit
                if following:
                    assert need([*batch, following[0]]) > limit
