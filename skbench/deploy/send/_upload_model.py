"""A pickled function sent to Numerai, to be run each round: `upload_model`."""

import pickletools
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from skbench._checks import check_flag, check_name, listed
from skbench._files import Address, check_there
from skbench._numerai import client
from skbench._warnings import warn
from skbench.deploy.export import python_for

from ._account import find_model
from ._receipt import ModelReceipt
from ._upload import Listed, ask, deliver

_ADDRESS = """
    query($filename: String! $modelId: String) {
        computePickleUploadAuth(filename: $filename modelId: $modelId) {
            filename
            url
        }
    }
"""
_CREATE = """
    mutation($filename: String!
             $tournament: Int!
             $modelId: String
             $dataVersionId: String
             $dockerImageId: String) {
        createComputePickleUpload(filename: $filename
                                  tournament: $tournament
                                  modelId: $modelId
                                  dataVersionId: $dataVersionId
                                  dockerImageId: $dockerImageId) {
            id
        }
    }
"""
_UPLOADS = """
    query($modelId: ID $unassigned: Boolean!) {
        computePickles(modelId: $modelId unassigned: $unassigned) {
            id
            validationStatus
        }
    }
"""
_DOWNLOAD = """
    query($modelId: ID! $pickleId: ID) {
        computePickleDownloadAuth(modelId: $modelId pickleId: $pickleId) {
            filename
            url
        }
    }
"""


def upload_model(
    path: Address,
    model_name: str,
    *,
    api: Any = None,
    dry_run: bool = True,
    data_version: str | None = None,
    docker_image: str | None = None,
    python: str | None = None,
) -> ModelReceipt:
    """Send an exported model to Numerai, and see that it arrived.

    A dry run does all but send: it looks at the file, and asks Numerai whether the
    account has the model, and which data versions and images there are. Otherwise the
    file is sent and registered as the model's upload. Then the upload must be listed,
    and the file is read back and compared, byte by byte; both are asked for until they
    are there, for two minutes at most.

    What cannot be verified is whether the model runs there: Numerai validates it later,
    and `check_predict` tries it before. Nor can the file, where the keys may not
    download models: then there is a warning, and the receipt says that it is not
    verified.

    It needs API keys, of the environment variables ``NUMERAI_PUBLIC_ID`` and
    ``NUMERAI_SECRET_KEY``, that may upload models.

    Parameters
    ----------
    path : str or path-like
        The pickle, whose name ends in ``.pkl``: what `export_predict` writes, or one of
        your own. It is not loaded.
    model_name : str
        Name of one of your models.
    api : numerapi.NumerAPI, default=None
        Client to use. None: a new one.
    dry_run : bool, default=True
        Whether to send nothing.
    data_version : str, default=None
        Data version of the live data that the model reads, such as "v5.3". None: the
        highest that Numerai offers.
    docker_image : str, default=None
        Name of the image to run it in. None: the one of Python `python`.
    python : str, default=None
        Python that the model is to run on, such as "3.12": a pickle holds code of the
        Python that wrote it. None: for what `export_predict` wrote, the Python of the
        code in it or, where there is none, 3.12, which Numerai offers first; for a
        pickle of your own, the Python that runs.

    Returns
    -------
    receipt : ModelReceipt
        The model, the data version, the image and the id of the upload.

    Raises
    ------
    FileNotFoundError
        If the file is not there.
    ValueError
        If it is no whole pickle, Numerai has no such data version or image (the message
        lists what it has) or model, the keys are missing or wrong, or Numerai refuses.
    ConnectionError
        If Numerai cannot be reached, does not take the file, or what it has is not
        what was sent. The message says whether something may have arrived.

    See Also
    --------
    export_predict : Write the file.
    check_predict : Try it as Numerai's runner would.

    Examples
    --------
    >>> from skbench.deploy import upload_model
    >>> upload_model("predict.pkl", "my_model", python="3.12")  # doctest: +SKIP
    Dry run: a file of 94,521 bytes for 'my_model', to run on data v5.3 in
    'Python 3.12'; nothing was sent
    """
    check_flag("dry_run", dry_run)
    check_name("model_name", model_name, "the name of a model of yours")
    _check_python(python, docker_image)
    content = _read_pickle(path)
    api = client(api)
    model_id = find_model(api, model_name)
    images = api.model_upload_docker_images()
    versions = api.model_upload_data_versions()
    image = _choose_image(images, docker_image, python or python_for(content))
    version = _choose_version(versions, data_version)
    receipt = ModelReceipt(model_name, version, image, len(content), bool(dry_run))
    if dry_run:
        return receipt
    options = {"dataVersionId": versions[version], "dockerImageId": images[image]}
    made, verified = _deliver(api, Path(path).name, content, model_id, options)
    return replace(
        receipt,
        upload_id=str(made["id"]),
        verified=verified,
        status=made["validationStatus"],
    )


def _check_python(python: Any, docker_image: Any) -> None:
    """Check the Python to find an image of, which is its two first numbers."""
    if python is None:
        return
    if docker_image is not None:
        raise ValueError(
            f"`python` chooses an image, and `docker_image` is one; got {python!r} and "
            f"{docker_image!r}: pass one of them"
        )
    if not isinstance(python, str) or not re.fullmatch(r"\d+\.\d+", python):
        raise ValueError(f"`python` must be a version such as '3.12'; got {python!r}")


def _read_pickle(path: Address) -> bytes:
    """Read a pickle from its first to its last opcode, and run none of it."""
    path = check_there(path)
    if path.suffix != ".pkl":
        raise ValueError(
            f"`path` must end in .pkl, as Numerai's runner reads it by its name; "
            f"got {path}"
        )
    content = path.read_bytes()
    try:
        ((stop, _, position),) = deque(pickletools.genops(content), maxlen=1)
    except Exception as error:  # of many kinds, depending on where the bytes go wrong
        raise ValueError(_no_pickle(path, content, str(error))) from None
    if stop.name != "STOP" or position != len(content) - 1:
        raise ValueError(_no_pickle(path, content, "more follows on its end"))
    return content


def _no_pickle(path: Path, content: bytes, reason: str) -> str:
    return (
        f"`path` must be a pickle, neither compressed nor cut short; got {path} of "
        f"{len(content):,} bytes: {reason or 'it is empty'}. Write it with "
        "`export_predict`, or with cloudpickle.dump"
    )


def _choose_image(
    images: Mapping[str, str], docker_image: str | None, python: str
) -> str:
    """Return the name of the image asked for, or else the one of a Python version."""
    if docker_image is not None:
        return _offered("docker_image", docker_image, images)
    number = rf"(?<![\d.]){re.escape(python)}(?!\d)"
    fitting = [name for name in images if re.search(number, name)]
    plain = [name for name in fitting if name == f"Python {python}"]
    if len(chosen := plain or fitting) == 1:
        return chosen[0]
    found = f"{len(fitting)} images" if fitting else "no image"
    raise ValueError(
        f"Numerai has {found} of Python {python}; it has "
        f"{listed(images, limit=100) or 'none'}: "
        "pass one of them as `docker_image`, or write the model with another Python "
        "and pass that as `python`"
    )


def _choose_version(versions: Mapping[str, str], data_version: str | None) -> str:
    """Return the data version asked for, or else the highest."""
    if data_version is not None:
        return _offered("data_version", data_version, versions)
    numbers = {
        name: [int(part) for part in name.removeprefix("v").split(".")]
        for name in versions
        if re.fullmatch(r"v?\d+(\.\d+)*", name)
    }
    if not numbers:
        raise ValueError(
            "Numerai has no data version with a number, of which to take the highest; "
            f"it has {listed(versions) or 'none'}: pass one as `data_version`"
        )
    return max(numbers, key=numbers.__getitem__)


def _offered(parameter: str, value: Any, offered: Mapping[str, str]) -> str:
    if not isinstance(value, str) or value not in offered:
        raise ValueError(
            f"`{parameter}` must be one that Numerai has; got {value!r}, and it has "
            f"{listed(offered, limit=100) or 'none'}"
        )
    return str(value)


def _deliver(
    api: Any, filename: str, content: bytes, model_id: str, options: Mapping[str, str]
) -> tuple[Listed, bool]:
    model = {"modelId": model_id}
    options = {"tournament": api.tournament_id, **model, **options}
    return deliver(
        "upload",
        content,
        address=lambda: ask(api, _ADDRESS, {"filename": filename, **model}),
        create=lambda name: ask(api, _CREATE, {"filename": name, **options}),
        listed=lambda: ask(api, _UPLOADS, {"unassigned": False, **model}),
        download=lambda made_id: _download(api, {"pickleId": made_id, **model}),
        is_same=content.__eq__,
    )


def _download(api: Any, upload: Mapping[str, str]) -> str | None:
    """Return the address to read an upload back; None where the keys may not."""
    try:
        return str(ask(api, _DOWNLOAD, upload)["url"])
    except ValueError as refusal:
        warn(
            f"the upload {upload['pickleId']} is listed, but Numerai does not let its "
            f"file be read back: {refusal}. Keys that may download models are needed"
        )
        return None
