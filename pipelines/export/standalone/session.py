"""Sessions of ONNX Runtime: graphs that are called by the names of their inputs."""

import os
from pathlib import Path

import numpy as np
import onnxruntime


class Session:
    """One graph, on the CPU.

    Args:
        path: the file.
        num_threads: threads of one call; None: ``OMP_NUM_THREADS``, or all cores.
    """

    def __init__(self, path: Path | str, *, num_threads: int | None = None) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_threads or int(os.environ.get("OMP_NUM_THREADS") or 0)
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # it warns of weights that it folds
        self._session = onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._outputs = [one.name for one in self._session.get_outputs()]
        #: by name, the kind and the sizes of each input; a free axis is a name
        self.inputs = {one.name: (one.type, one.shape) for one in self._session.get_inputs()}

    def run(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Compute all outputs by name."""
        found = self._session.run(self._outputs, feeds)
        return dict(zip(self._outputs, found, strict=True))

    def zeros(self, **sizes: int) -> dict[str, np.ndarray]:
        """The state before the first step: the inputs named ``state.…``, with sizes of free axes."""
        kinds = {"tensor(int64)": np.int64, "tensor(float)": np.float32}
        return {
            name: np.zeros([sizes.get(size, size) for size in shape], kinds[kind])
            for name, (kind, shape) in self.inputs.items()
            if name.startswith("state.")
        }


def state_after(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The outputs named ``next.…`` as the inputs ``state.…`` of the next call."""
    return {
        "state." + name.removeprefix("next."): value
        for name, value in found.items()
        if name.startswith("next.")
    }
