"""What the memory lab found, as a page: pictures, and in words what to conclude from these figures."""

from itertools import takewhile
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipelines.pages.page import heading, page, paragraph, picture, table

COLORS = {"RNN": "#c2553f", "GRU": "#c99a2e", "LSTM": "#2f6ea3", "LSTM, open": "#173f63"}
GREY = "#5b6673"
# A norm that float32 cannot tell from nothing is drawn here.
SMALLEST = 1e-40


def memory_page(found: dict[str, Any]) -> str:
    """The page of `run_lab`'s findings."""
    return page(
        "What a recurrent network remembers",
        paragraph(_conclusion(found), lead=True),
        paragraph(_sizes(found)),
        heading("Recalling a symbol after a delay"),
        paragraph(
            f"The first step shows one of {found['recall']['num_symbols']} symbols and a mark, every"
            " further one another symbol without a mark, and the last asks for the marked one: what"
            " comes later must not overwrite it."
            f" Guessing is right in {found['recall']['chance']:.1%}."
        ),
        picture(
            _recall_figure(found["recall"]),
            alt="accuracy of each network by delay",
            caption=f"Accuracy on {found['recall']['num_tested']:,} new sequences after"
            f" {found['recall']['num_steps']} training steps.",
        ),
        _recall_table(found["recall"]),
        heading("The gradient on its way back in time"),
        paragraph(_gradients_text(found["gradients"])),
        picture(
            _gradients_figure(found["gradients"]),
            alt="norm of the gradient at each step, from the last to the first",
            caption="How much of the loss's gradient arrives at the state of each step (‖∂L/∂h_t‖, and"
            " ‖∂L/∂c_t‖ of a cell state). A weight can only learn from steps where some arrives.",
        ),
        heading("Clipping"),
        paragraph(_clipping_text(found["clipping"])),
        picture(
            _clipping_figure(found["clipping"]),
            alt="gradient norms and losses with and without clipping",
            caption="A vanilla RNN whose recurrent weights start too large, on the adding problem, by"
            " plain gradient descent. Left: the norm of the loss's gradient at the state of each step,"
            " as it is and scaled with the whole gradient.",
        ),
        heading("The adding problem"),
        paragraph(
            f"Of {found['adding']['num_steps_long']} numbers two are marked, one in each half; asked"
            " for is their sum. Always to answer 1 costs a mean squared error of 1/6."
        ),
        picture(
            _adding_figure(found["adding"]),
            alt="mean squared error over training",
            caption="Mean squared error of training batches, averaged over 25 steps.",
        ),
        _adding_table(found["adding"]),
    )


def _conclusion(found: dict[str, Any]) -> str:
    recall = found["recall"]
    solved = {}
    for name, row in recall["accuracy"].items():
        known = takewhile(lambda pair: pair[1] >= 0.9, zip(recall["delays"], row, strict=True))
        solved[name] = max((delay for delay, _ in known), default=0)
    parts = [
        f"{name}: up to {delay:,} steps" if delay else f"{name}: at no delay that was tried"
        for name, delay in solved.items()
    ]
    return (
        "Of the same size and with the same training, this is how long a symbol is remembered (right"
        f" nine times in ten). {'; '.join(parts)}.{_contrast(recall)}"
    )


def _contrast(recall: dict[str, Any]) -> str:
    """The longest delay at which the open LSTM knows what the vanilla RNN guesses."""
    rows = recall["accuracy"]
    told = [
        (delay, lstm, rnn)
        for delay, lstm, rnn in zip(recall["delays"], rows["LSTM, open"], rows["RNN"], strict=True)
        if lstm >= 0.9 and rnn <= recall["chance"] + 0.05
    ]
    if not told:
        return ""
    delay, lstm, rnn = told[-1]
    return (
        f" After {delay:,} steps the LSTM with open gates is right in {lstm:.0%}, the vanilla RNN in"
        f" {rnn:.0%}, which is guessing. Its gradient has vanished on the way back; the LSTM's goes"
        " along the cell state."
    )


def _sizes(found: dict[str, Any]) -> str:
    sizes = ", ".join(
        f"{name}: {size['hidden_size']} units, {size['parameters']:,} parameters"
        for name, size in found["sizes"].items()
    )
    return (
        f"{sizes}. “LSTM, open” is the same LSTM whose forget gates start open for about as long as"
        " the sequence is (Tallec & Ollivier 2018), so that its cells begin as a memory; the plain one"
        " starts with forget biases of 1, which keep half of a cell for two steps or three."
    )


def _gradients_text(gradients: dict[str, Any]) -> str:
    parts = []
    for name, curves in gradients["curves"].items():
        state = "c" if "c" in curves else "h"
        first, end = curves[state][0], curves[state][-1]
        share = first / end if end > 0 else 0.0
        size = f"{share:.0e}" if share > 0 else "nothing that float32 can hold"
        parts.append(f"{name} ({'cell state' if state == 'c' else 'hidden state'}): {size}")
    return (
        f"Before any training, over {gradients['num_steps']} steps, the share of the last step's"
        f" gradient that arrives at the first: {'; '.join(parts)}."
    )


def _clipping_text(clipping: dict[str, Any]) -> str:
    free, clipped = clipping["runs"]["without"], clipping["runs"]["with"]
    return (
        f"Gradients can also grow on their way: the largest norm without clipping was"
        f" {max(free['gradient_norms']):.1e}. Clipped to {clipping['clip_norm']:g}, the direction stays"
        f" and the step is bounded (Pascanu et al. 2013). Loss over the last 50 steps: {_end(free):.3f}"
        f" without, {_end(clipped):.3f} with clipping. Clipping scales all steps alike: it does"
        " nothing for a gradient that has vanished."
    )


def _end(run: dict[str, Any]) -> float:
    return float(np.mean(run["losses"][-50:]))


def _axes(*, width: float = 8.0, panels: int = 1) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(width, 3.4), layout="constrained")
    made = figure.subplots(1, panels, squeeze=False)[0]
    for axes in made:
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color("#b5bcc6")
        axes.tick_params(colors=GREY, labelsize=9)
        axes.grid(axis="y", color="#e6eaee", linewidth=0.8)
        axes.set_axisbelow(True)
    return figure, list(made)


def _recall_figure(recall: dict[str, Any]) -> Figure:
    figure, (axes,) = _axes()
    for name, row in recall["accuracy"].items():
        axes.plot(recall["delays"], row, "o-", color=COLORS[name], label=name, linewidth=2)
    axes.axhline(recall["chance"], color=GREY, linestyle=":", linewidth=1.2, label="guessing")
    axes.set(xscale="log", ylim=(0, 1.04), xlabel="delay, steps", ylabel="accuracy")
    axes.set_xticks(recall["delays"], [f"{delay:,}" for delay in recall["delays"]])
    axes.minorticks_off()
    axes.legend(frameon=False, fontsize=9)
    return figure


def _gradients_figure(gradients: dict[str, Any]) -> Figure:
    figure, (axes,) = _axes()
    back = -np.arange(gradients["num_steps"])[::-1]
    for name, curves in gradients["curves"].items():
        for state, norms in curves.items():
            drawn = np.maximum(np.asarray(norms), SMALLEST)
            is_beside = state == "h" and "c" in curves
            label = f"{name}, {'cell' if state == 'c' else 'hidden'} state"
            axes.plot(back, drawn, "--" if is_beside else "-", color=COLORS[name], label=label)
    axes.set(yscale="log", xlabel="steps before the end", ylabel="norm of the gradient")
    axes.legend(frameon=False, fontsize=9)
    return figure


def _clipping_figure(clipping: dict[str, Any]) -> Figure:
    figure, (back, norms, losses) = _axes(width=12.0, panels=3)
    steps_before = -np.arange(clipping["num_steps_long"])[::-1]
    for name, color in (("without", "#c2553f"), ("with", "#2f6ea3")):
        run = clipping["runs"][name]
        arriving = np.maximum(clipping["back_in_time"][name], SMALLEST)
        back.plot(steps_before, arriving, color=color, linewidth=1.8, label=f"{name} clipping")
        norms.plot(run["gradient_norms"], color=color, linewidth=1, label=f"{name} clipping")
        losses.plot(_smooth(run["losses"]), color=color, linewidth=1.5, label=f"{name} clipping")
    norms.axhline(clipping["clip_norm"], color=GREY, linestyle=":", linewidth=1.2)
    back.set(yscale="log", xlabel="steps before the end", ylabel="gradient, first training step")
    norms.set(yscale="log", xlabel="training step", ylabel="norm of the gradient, before clipping")
    losses.set(yscale="log", xlabel="training step", ylabel="mean squared error")
    norms.legend(frameon=False, fontsize=9)
    return figure


def _adding_figure(adding: dict[str, Any]) -> Figure:
    figure, (axes,) = _axes()
    for name, run in adding["runs"].items():
        axes.plot(_smooth(run["losses"]), color=COLORS[name], label=name, linewidth=1.8)
    axes.axhline(1 / 6, color=GREY, linestyle=":", linewidth=1.2, label="always 1")
    axes.set(yscale="log", xlabel="training step", ylabel="mean squared error")
    axes.legend(frameon=False, fontsize=9)
    return figure


def _smooth(values: list[float], width: int = 25) -> np.ndarray:
    kept = min(width, len(values))
    return np.convolve(np.asarray(values, float), np.ones(kept) / kept, mode="valid")


def _recall_table(recall: dict[str, Any]) -> str:
    rows = [[name, *(f"{a:.2f}" for a in row)] for name, row in recall["accuracy"].items()]
    return table(["delay", *(f"{delay:,}" for delay in recall["delays"])], rows)


def _adding_table(adding: dict[str, Any]) -> str:
    rows = [[name, f"{_end(run):.4f}"] for name, run in adding["runs"].items()]
    return table(["", "mean squared error, last 50 steps"], rows)
