"""In which order the gallery shows the examples."""

FIRST = (
    "plot_five_steps.py",
    "plot_benchmark_models.py",
    "plot_weight_search.py",
    "plot_backtest.py",
    "plot_neutralize_how_much.py",
    "plot_report.py",
    "plot_meta_model.py",
)
LAST = ("deploy_model.py", "on_ray.py", "on_spark.py", "daily.py")


class InOrder:
    """Key to sort file names by: those to read first, others, those to copy."""

    def __init__(self, source_folder):
        self.source_folder = source_folder

    def __call__(self, name):
        if name in LAST:
            return (2, LAST.index(name), name)
        place = FIRST.index(name) if name in FIRST else len(FIRST)
        return (1, place, name)
