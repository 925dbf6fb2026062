"""Plain values as checkpoints hold them: numbers, text and tensors, in lists and dictionaries."""

from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from torch import Tensor

_LEAVES = (NoneType, bool, int, float, str, Tensor)


def is_plain(value: Any) -> bool:
    """Whether a value is plain throughout, with strings as the keys of its dictionaries."""
    # A stack instead of recursion: a file may nest to any depth, and refer to itself.
    waiting, seen = [value], set()
    while waiting:
        one = waiting.pop()
        if not isinstance(one, dict | list | tuple):
            if not isinstance(one, _LEAVES):
                return False
        elif id(one) not in seen:
            seen.add(id(one))
            if isinstance(one, dict) and not all(isinstance(key, str) for key in one):
                return False
            waiting += one.values() if isinstance(one, dict) else one
    return True


def fits(value: Any, hint: Any) -> bool:
    """Whether a plain value matches a type annotation; ``Any`` matches every plain value.

    An int matches float, and a bool matches neither int nor float. Annotations of classes and
    functions match no plain value. A `TypedDict` may have further keys.
    """
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any:
        return is_plain(value)
    if origin in (Union, UnionType):
        return any(fits(value, one) for one in args)
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in args)
    if origin in (list, tuple, Sequence):
        if not isinstance(value, list | tuple):
            return False
        every = args if origin is tuple and args[1:] != (...,) else args[:1] * len(value)
        return len(value) == len(every) and all(map(fits, value, every))
    if origin in (dict, Mapping):
        return isinstance(value, dict) and all(
            fits(key, args[0]) and fits(one, args[1]) for key, one in value.items()
        )
    if hint in (list, tuple, dict):
        return isinstance(value, hint) and is_plain(value)
    if is_typeddict(hint):
        hints = get_type_hints(hint)
        return (
            isinstance(value, dict)
            and hint.__required_keys__ <= value.keys()
            and all(fits(value[name], hints[name]) for name in hints.keys() & value.keys())
        )
    if hint is float:
        return type(value) in (int, float)
    if hint is Tensor:
        return isinstance(value, Tensor)
    return hint in (NoneType, bool, int, str) and type(value) is hint
