"""Check that loaded weights are finite."""

from collections.abc import Mapping

from torch import Tensor, nn

from data.files.errors import InputError
from models.finite import first_not_finite
from pipelines.runtime.escaping import excerpt


def refuse_not_finite(
    model: nn.Module, *, where: str, weights: Mapping[str, Tensor] | None = None
) -> None:
    """Check that no weight is NaN or infinite, in a model or in ``weights`` to load into it.

    Raises:
        InputError: a weight is not finite.
    """
    name = first_not_finite(model, weights)
    if name is not None:
        raise InputError(
            f"{where}: its weights are not finite (NaN or infinite, first in {excerpt(name)}); give a"
            " checkpoint from before training diverged"
        )
