"""The watch command: a saved model's running answer over a stream."""

import sys
from functools import partial

from data.files.checkpoint import read_saved
from data.files.errors import InputError
from data.streams.address import address_of
from pipelines.predict.output import print_answers
from pipelines.processes.signals import held_back_signals
from pipelines.runtime.errors import one_line_errors
from pipelines.runtime.processor import prepare_processor
from pipelines.tasks.kinds import KINDS, kind_of
from pipelines.watch.options import watch_options


def main(args: list[str] | None = None) -> None:
    """``python -m pipelines.watch --ckpt=… --source=…``.

    Exit code 0: the source came to its end; 1: it was lost for good; 2: an option or a source that
    cannot be used; 128 + its number at a signal, after the last answer.
    """
    with one_line_errors():
        options = watch_options(sys.argv[1:] if args is None else args)
        address = address_of(options.source)
        prepare_processor()
        saved = read_saved(options.ckpt)
        kind = kind_of(saved.description["task"])
        if kind.watched_by is None:
            others = ", ".join(one.name for one in KINDS.values() if one.watched_by is not None)
            raise InputError(
                f"CKPT={options.ckpt}: a model for {kind.name} has no running answer over a stream; give"
                f" one for {others}"
            )
        model = kind.make_answerer(
            saved, where=f"CKPT={options.ckpt}", trust=options.trust, num_workers=1
        )
        with held_back_signals():
            print_answers(partial(kind.watch, model, address, options), options.format)
