"""Why a run of several processes fails: said once, by the first that knows."""

import sys
from hashlib import sha256
from typing import Any

#: seconds from the end of a process to that of the others, which may find out and end by themselves
GONE_SECONDS = 5.0
# Keys of the store through which the processes have found each other.
_REASON = "manytoone/reason"


def has_other_processes() -> bool:
    """Tell whether the run has several processes, which have found each other."""
    return _store() is not None


def is_first_to_say(reason: str, *, code: int = 1) -> bool:
    """Tell whether no other process of the run has said that reason; it counts as said from now on.

    Args:
        reason: why this process fails.
        code: its exit code.
    """
    store = _store()
    if store is None:
        return True
    try:
        if store.add(f"{_REASON}/count", 1) == 1:
            store.set(_REASON, str(code))
        return store.add(f"{_REASON}/{sha256(reason.encode()).hexdigest()}", 1) == 1
    except RuntimeError:  # The process that keeps the store is gone.
        return True


def code_of_another() -> int | None:
    """Exit code of the process that has said why the run fails; None: none has, or there is one process.

    An error in this process can follow from that one.
    """
    store = _store()
    if store is None:
        return None
    try:
        return int(store.get(_REASON)) if store.check([_REASON]) else None
    except RuntimeError:  # The process that keeps the store has failed, and said why itself.
        return 1


def _store() -> Any:
    # A command that has not imported it has no other processes, and should not wait for the import.
    torch = sys.modules.get("torch")
    if torch is None or not torch.distributed.is_available():
        return None
    if not torch.distributed.is_initialized():
        return None
    return torch.distributed.distributed_c10d._get_default_store()
