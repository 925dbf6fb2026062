import os

# Read by the libraries when they are imported: nothing is asked of a hub.
os.environ["HF_HUB_OFFLINE"] = "1"

import pytest
import torch
from hypothesis import settings

# A drawn example may take as long as it takes: on a busy machine the usual 0.2 s are exceeded.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# Two test processes that each take all cores slow each other out of proportion.
torch.set_num_threads(min(torch.get_num_threads(), 2))


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory):
    """Nothing of a test lands in the user's cache."""
    patch = pytest.MonkeyPatch()
    if "MANYTOONE_TEST_CACHE" in os.environ:
        patch.setenv("MANYTOONE_CACHE", os.environ["MANYTOONE_TEST_CACHE"])
    else:
        patch.setenv("MANYTOONE_CACHE", str(tmp_path_factory.mktemp("cache")))
    patch.setenv("HF_DATASETS_CACHE", str(tmp_path_factory.mktemp("datasets")))
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def _one_seed():
    torch.manual_seed(0)


def pytest_make_parametrize_id(val, argname):
    """Names bytes by their argument: what they hold (a gzip's time) may differ by process."""
    return argname if isinstance(val, bytes) else None
