"""
For every day: fetch, ensemble, check, submit
=============================================

``skbench daily CONFIG`` does this for a timer, with its settings in a file. Here is the
same in Python, for programs of your own. Without ``--send`` it does all but send.

It needs the keys of your account in the environment variables ``NUMERAI_PUBLIC_ID`` and
``NUMERAI_SECRET_KEY``. They must not stand in the program, where they would be copied
with it.

``python examples/daily.py --help`` lists the options.
"""

# sphinx_gallery_thumbnail_path = "thumbnails/daily.svg"
import argparse
import sys
from pathlib import Path

from skbench.daily import KeysError, run_daily

# %%
# What to change: how the models are blended, and to which features and how much the
# ensemble is to be neutral. The options are those of
# :func:`~skbench.folders.ensemble_pipeline`. Further models have entries of their own.

OPTIONS = {
    "fit": "corr",
    "shrinkage": 0.5,
    "neutralize": "small",
    "proportion": 0.25,
}


# %%
# `run_daily` fetches what has changed since yesterday, mostly the live files; makes the
# ensemble; checks its live predictions; and returns once Numerai has given back what
# was sent. A round that has a submission is left alone, so it does no harm to call it
# again. What goes wrong is an error of a kind that says what to do about it.


def main(arguments):
    """See to one round."""
    parser = argparse.ArgumentParser(description="Fetch, ensemble, check, submit.")
    parser.add_argument("model", help="name of your model at Numerai")
    parser.add_argument("--data-home", type=Path, help="folder for Numerai's files")
    parser.add_argument(
        "--output", type=Path, default="predictions", help="folder for predictions"
    )
    parser.add_argument("--send", action="store_true", help="submit; else a dry run")
    options = parser.parse_args(arguments)
    try:
        done = run_daily(
            {options.model: OPTIONS},
            options.output,
            data_home=options.data_home,
            dry_run=not options.send,
            tell=print,
        )
    except KeysError as error:
        sys.exit(f"Look at your keys: {error}")
    except ConnectionError as error:
        sys.exit(f"Run it again later: {error}")
    print(done)
    for model, receipt in done.receipts.items():
        print(f"{model}: {receipt or 'left alone'}")


if __name__ == "__main__":
    main(sys.argv[1:])
