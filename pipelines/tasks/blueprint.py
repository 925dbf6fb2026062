"""Construction of the model that plain values of a file describe, and its weights.

The values are options as the command line has them: numbers and text, and ``class_path`` with
``init_args`` where an annotation asks for a module, for its class, or for a function that makes one.
Nothing else is imported, called or opened: the option parser, which would import any name, has no
part in it.
"""

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from types import NoneType, UnionType
from typing import (
    Any,
    NamedTuple,
    NotRequired,
    TypedDict,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from data.files.errors import InputError
from data.files.plain_values import fits
from models.encoders.pretrained import without_pretrained
from models.errors import OptionError
from pipelines.runtime.escaping import excerpt
from pipelines.tasks.allowed_classes import RefusedError, Trust, TypedTrust, allowed_class
from pipelines.training.finite_weights import refuse_not_finite

Model = TypeVar("Model", bound=nn.Module)

# How many times the tensors and numbers of its file a model may have while it is built: a pretrained
# trunk is built with its head, of which a file has nothing.
_MOST_TIMES, _MOST_TENSORS, _MOST_NUMBERS = 16, 2**10, 2**28


class _Named(TypedDict):
    """A class with its options, as the option parser writes them."""

    class_path: str
    init_args: NotRequired[dict[str, Any] | None]
    dict_kwargs: NotRequired[dict[str, Any] | None]


class Place(NamedTuple):
    """The module that an annotation asks for."""

    contract: type[nn.Module]
    is_class: bool = False
    """The class itself."""
    is_maker: bool = False
    """A function that makes a module of further arguments; else the module."""


class Plan(NamedTuple):
    """A module that can be made, as often as it is asked for, and what of."""

    kind: type[nn.Module]
    options: dict[str, Any]
    """Plain values, classes and further plans."""

    def make(self, *given: Any) -> Any:
        """A new one, of further arguments that stand before its options."""
        return self.kind(*given, **{name: _made(value) for name, value in self.options.items()})


class Maker(NamedTuple):
    """A plan that is carried out later, with arguments that are not known yet."""

    plan: Plan


def rebuild(
    kind: type[Model],
    values: dict[str, Any],
    weights: dict[str, Tensor],
    *,
    where: str,
    trust: Trust,
    unused: Mapping[str, Any],
) -> Model:
    """The model that a checkpoint describes, with its weights, in eval mode.

    Its sizes are compared with those of the weights before memory is taken for them.

    Args:
        kind: the class of the model.
        values: its options in the checkpoint.
        weights: those of the checkpoint.
        where: what to call it in an error.
        trust: where else than in `models` its classes may lie.
        unused: what stands in for options that only training needs, which are not looked at.

    Raises:
        InputError: it names what may not be used, or does not fit together; weights that are not
            finite.
    """
    try:
        options = {
            **planned(kind, values, trust=trust, unused=unused),
            **unused,
        }
        with without_pretrained(), _bounded(weights):
            try:
                with torch.device("meta"):
                    compare(Plan(kind, options).make(), weights)
            except (NotImplementedError, RuntimeError) as error:
                # A class that computes while it is made cannot be made without memory.
                if "meta" not in str(error):
                    raise
            model: Model = Plan(kind, options).make()
            compare(model, weights)
        model.load_state_dict(weights)
    except (RefusedError, OptionError, InputError) as error:
        raise InputError(f"{where}: {error}") from error
    except Exception as error:  # values that do not fit together fail anywhere in a class
        raise InputError(
            f"{where}: no model can be built of its values ({excerpt(error)}); give another checkpoint"
        ) from error
    refuse_not_finite(model, where=where)
    return model.eval()


def compare(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """See that weights are those of a model: their names, shapes and kinds of numbers.

    Raises:
        RefusedError: they are not.
    """
    due = model.state_dict()
    unlike = sorted(
        name
        for name in due.keys() | weights.keys()
        if name not in weights
        or name not in due
        or due[name].shape != weights[name].shape
        or due[name].is_floating_point() != weights[name].is_floating_point()
    )
    if unlike:
        raise RefusedError(
            f"its weights are not those of the model: {len(unlike)} of {len(due)} tensors are"
            f" missing, left over or of another shape, such as {excerpt(unlike[0])}"
        )


def refuse_unbuildable(
    kind: type[nn.Module], values: Any, *, unused: Collection[str]
) -> str | None:
    """See that a checkpoint of these options could be read again, before any training.

    Returns:
        The refusal that ``--trust`` will lift, of classes that lie elsewhere than in `models`.

    Raises:
        InputError: what was typed is no class that keeps its contract.
    """
    try:
        planned(kind, values, trust=Trust(), unused=unused)
    except RefusedError as refusal:
        try:
            planned(kind, values, trust=TypedTrust(), unused=unused)
        except RefusedError as error:
            raise InputError(
                f"--model.{error}; give a class, so that its runs can be read"
            ) from error
        return str(refusal)
    return None


def planned(
    kind: type,
    values: Any,
    *,
    trust: Trust,
    unused: Collection[str] = (),
    prefix: str = "",
) -> dict[str, Any]:
    """Options of a class: plain values checked by their annotations, classes by their contracts.

    Raises:
        RefusedError: a value that does not fit, or an option that the class does not have.
    """
    if not isinstance(values, dict):
        raise RefusedError(f"{prefix}{excerpt(values)}: no options of {kind.__name__}")
    hints = _hints(kind)
    found: dict[str, Any] = {}
    for name in values.keys() - set(unused):
        if name not in hints:
            raise RefusedError(f"{prefix}{excerpt(name)}: not an option of {kind.__name__}")
        found[name] = _planned(values[name], hints[name], name=f"{prefix}{name}", trust=trust)
    return found


def _planned(value: Any, hint: Any, *, name: str, trust: Trust) -> Any:
    place = _place(hint)
    if place is None or (value is None and NoneType in get_args(hint)):
        if not fits(value, hint):
            due = hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")
            raise RefusedError(f"{name}={excerpt(value)}: {due} is due there")
        return value
    path, options = value, dict[str, Any]()
    if isinstance(value, dict):
        if not fits(value, _Named):
            raise RefusedError(
                f"{name}={excerpt(value)}: names no class by class_path and init_args"
            )
        path = value["class_path"]
        options = (value.get("init_args") or {}) | (value.get("dict_kwargs") or {})
    try:
        kind = allowed_class(path, place.contract, trust=trust)
    except RefusedError as error:
        raise RefusedError(f"{name}={error}") from error
    if place.is_class:
        return kind
    plan = Plan(kind, planned(kind, options, trust=trust, prefix=f"{name}."))
    return Maker(plan) if place.is_maker else plan


def _made(value: Any) -> Any:
    if isinstance(value, Plan):
        return value.make()
    return value.plan.make if isinstance(value, Maker) else value


def _place(hint: Any) -> Place | None:
    """Where code is due; None where plain values are."""
    origin, args = get_origin(hint), get_args(hint)
    if isinstance(hint, type) and issubclass(hint, nn.Module):
        return Place(hint)
    if origin is type:
        inner = _place(args[0])
        return inner and inner._replace(is_class=True)
    if origin is Callable:
        inner = _place(args[-1])
        return inner and inner._replace(is_maker=True)
    if origin in (Union, UnionType):
        return next((place for one in args if (place := _place(one)) is not None), None)
    return None


def _hints(kind: type) -> dict[str, Any]:
    """The options of a class and of those above it, which take what it passes on, and their types."""
    found: dict[str, Any] = {}
    for one in reversed(kind.__mro__):
        if "__init__" not in vars(one):
            continue
        initialiser = vars(one)["__init__"]
        hints = get_type_hints(initialiser)
        for name, parameter in inspect.signature(initialiser).parameters.items():
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                found[name] = hints.get(name, Any)
    found.pop("self", None)
    return found


@contextmanager
def _bounded(weights: Mapping[str, Tensor]) -> Iterator[None]:
    """Within it, no model grows far beyond what its file has: a number of layers costs no byte there."""
    tensors = _MOST_TENSORS + _MOST_TIMES * len(weights)
    numbers = _MOST_NUMBERS + _MOST_TIMES * sum(value.numel() for value in weights.values())

    def count(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        nonlocal tensors, numbers
        if parameter is not None:
            tensors, numbers = tensors - 1, numbers - parameter.numel()
        if tensors < 0 or numbers < 0:
            raise RefusedError("its model would be far larger than its weights")

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()
