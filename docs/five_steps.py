"""Draw the five steps as one picture: ``python docs/five_steps.py``.

What is drawn is one era of a synthetic tournament. The picture is plain SVG text with
rounded numbers, so that it only changes when what it shows does.
"""

from pathlib import Path

import numpy as np

from skbench import EraRank, EraRankGauss, FeatureNeutralizer, WeightedEnsemble
from skbench.datasets import make_benchmark_models
from skbench.metrics import feature_exposure

PICTURE = Path(__file__).parent / "_static" / "five_steps.svg"
COLORS = ("#0b6fa4", "#d1661c", "#4a8c3f")
WIDTH, PANEL, PLOT, TOP = 1260, 210, 170, 62
HEIGHT = 205
BASE = TOP + 110


def text(x, y, words, size=14, color="#222", weight="normal"):
    """Return one line of centred text."""
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" fill="{color}" '
        f'font-weight="{weight}" text-anchor="middle">{words}</text>'
    )


def curve(values, left, color, limits):
    """Return a histogram of values as a filled outline."""
    counts, _ = np.histogram(values, bins=24, range=limits)
    heights = 100 * counts / counts.max()
    steps = np.repeat(np.arange(25), 2)[1:-1] * PLOT / 24
    points = [f"{left:.0f},{BASE}"]
    for x, height in zip(steps, np.repeat(heights, 2), strict=True):
        points.append(f"{left + x:.1f},{BASE - height:.1f}")
    points.append(f"{left + PLOT},{BASE}")
    return (
        f'<polygon points="{" ".join(points)}" fill="{color}" fill-opacity="0.25" '
        f'stroke="{color}" stroke-width="1.5"/>'
    )


def stems(before, after, left):
    """Return the correlation with each feature, before (pale) and after."""
    lines, middle, step = [], BASE - 50, PLOT / len(before)
    for i in np.argsort(-before):
        x = left + step * (len(lines) / 2 + 0.5)
        for values, color, width in ((before, "#bbb", 6), (after, "#8a3ab9", 3)):
            y = middle - 200 * values[i]
            lines.append(
                f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{middle}" y2="{y:.1f}" '
                f'stroke="{color}" stroke-width="{width}"/>'
            )
    return "".join(lines)


def panel(number, title, caption, drawing, under):
    """Return one step: its title, what it does, and how an era looks after it."""
    centre = PANEL * number + PANEL // 2
    axis = f'<line x1="{centre - PLOT // 2}" x2="{centre + PLOT // 2}" y1="{BASE}" '
    return [
        text(centre, 24, title, 15, weight="bold"),
        text(centre, 44, caption, 13, "#555"),
        drawing,
        axis + f'y2="{BASE}" stroke="#555"/>',
        text(centre, BASE + 20, under, 12, "#555"),
    ]


def arrow(number):
    """Return an arrow from one panel to the next."""
    x, y = PANEL * (number + 1), BASE - 50
    return (
        f'<path d="M{x - 9} {y}h14m-5 -5l6 5l-6 5" fill="none" stroke="#222" '
        'stroke-width="2"/>'
    )


def steps_of_one_era():
    """Return what one era looks like at each stage, and its exposures."""
    data = make_benchmark_models(1, 3000, 3, 24, unscored=False, random_state=3)
    frame = data.frame
    first, second, third = data.models
    frame[first] = 0.5 + 4 * (frame[first] - 0.5)
    frame[third] = 0.75 + 2 * (frame[third] - 0.5)
    frame[second] = 0.2 + 0.1 * np.exp(20 * (frame[second] - 0.5))
    gauss = EraRankGauss().fit_transform(frame)
    weights = dict(zip(data.models, (0.5, 0.3, 0.2), strict=True))
    blend = WeightedEnsemble(weights).fit_transform(gauss)
    again = EraRankGauss().fit_transform(blend)
    neutralizer = FeatureNeutralizer(proportion=0.5, keep_neutralizers=True)
    neutral = neutralizer.fit_transform(again)
    exposures = [
        feature_exposure(
            step["prediction"], frame[data.features], era=frame["era"]
        ).to_numpy()[0]
        for step in (again, neutral)
    ]
    models = [frame[data.models], gauss[data.models]]
    blends = [blend, again, EraRank().fit_transform(neutral)]
    return (
        [m.to_numpy().T for m in models],
        [b["prediction"] for b in blends],
        exposures,
    )


def draw():
    """Return the picture as text."""
    (raw, gauss), (blend, again, ranked), exposures = steps_of_one_era()
    left = [PANEL * i + (PANEL - PLOT) // 2 for i in range(6)]
    wide = (-3.5, 3.5)
    drawings = [
        "".join(curve(m, left[0], c, (0, 1)) for m, c in zip(raw, COLORS, strict=True)),
        curve(gauss[0], left[1], COLORS[0], wide),
        curve(blend, left[2], "#666", wide),
        curve(again, left[3], "#666", wide),
        stems(*exposures, left[4]),
        curve(ranked, left[5], "#8a3ab9", (0, 1)),
    ]
    words = [
        ("Predictions", "three models", "0 to 1"),
        ("1, 2 Gaussianize", "per era, to deviation 1", "all three alike"),
        ("3 Weighted sum", "0.5, 0.3, 0.2", "one prediction"),
        ("4 Gaussianize", "so that eras are alike", "one prediction"),
        ("5 Neutralise", "here by half", "correlation with 24 features"),
        ("Rank", "to submit", "0 to 1"),
    ]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" role="img">',
        "<title>The five steps of an ensemble, on one era</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for i, ((title, caption, under), drawing) in enumerate(
        zip(words, drawings, strict=True)
    ):
        parts += panel(i, title, caption, drawing, under)
    parts += [arrow(i) for i in range(5)]
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
