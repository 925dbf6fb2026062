"""Reading step by step: the running answer over a sequence that need not end.

B sequences · D features · C features that a member reads · G steps of a difference's gap · K classes
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from models.encoders.frames import FrameEncoder
from models.encoders.ngrams import NgramEmbedding
from models.errors import OptionError
from models.sequence.ensemble import together
from models.sequence.many_to_one import ManyToOne, Scorer
from models.sequence.step_inputs import StepInputs

StepState = dict[str, Tensor]
"""State by name, carried from step to step. It starts as zeros."""


class Stepper(nn.Module):
    """A causal classifier that reads one step of each sequence at a time.

    After n calls its scores are those of the whole model for a sequence of these n steps. Its state
    has one size for ever, so a sequence may be endless.

    Args:
        model: a trained model, whose weights are used and not copied.

    Raises:
        OptionError: a model that looks ahead; an encoder that looks back in a way of its own.
    """

    def __init__(self, model: Scorer) -> None:
        super().__init__()
        if not model.is_causal:
            raise OptionError(
                "the model looks ahead (two directions, or an encoder or inputs that need the whole"
                " sequence), so it has no answer after each step"
            )
        self.encoder, self.votes = model.encoder, model.votes
        self.readers = nn.ModuleList(_MemberStepper(member) for member in model.members)
        #: whether steps are features that the encoder has made, as it does for many frames at once
        self.takes_features = all(isinstance(one, FrameEncoder) for one in model.encoders)
        for one in model.encoders:
            if one.looks_back > 0 and not isinstance(one, NgramEmbedding):
                raise OptionError(
                    f"{type(one).__name__} looks back at earlier steps in a way of its own, so a step"
                    " cannot be read by itself"
                )

    def start(self, batch_size: int) -> StepState:
        """The state before the first step of B sequences."""
        device = next(self.parameters()).device
        state = {"steps_read": torch.zeros(batch_size, dtype=torch.int64, device=device)}
        if self.encoder.looks_back > 0:
            looks_back = (batch_size, self.encoder.looks_back)
            state["tokens"] = torch.zeros(looks_back, dtype=torch.int64, device=device)
        for name, reader in self._named_readers():
            for part, shape in reader.state_shapes(batch_size).items():
                state[name + part] = torch.zeros(shape, device=device)
        return state

    def forward(self, steps: Tensor, state: StepState) -> tuple[Tensor, StepState]:
        """Read one more step of each sequence.

        Args:
            steps: (B, …), a step of each; features (B, D) where the encoder is one of frames.
            state: what the call before returned; at first that of `start`.

        Returns:
            scores (B, K), had the sequences ended here; the state after this step.
        """
        after = {"steps_read": state["steps_read"] + 1}
        if self.encoder.looks_back > 0:
            # Shifted by one, so that 0 is no token. The nearest stands first, as in `windows`.
            windows = torch.cat([steps.unsqueeze(1), state["tokens"] - 1], dim=1)
            after["tokens"] = (windows + 1)[:, :-1]
            features = self.encoder(windows)
        else:
            features = steps if self.takes_features else self.encoder(steps)
        scores = []
        for name, reader in self._named_readers():
            own = {part: state[name + part] for part in reader.parts}
            found, own = reader(features, own, state["steps_read"])
            after |= {name + part: value for part, value in own.items()}
            scores.append(found)
        answer = scores[0] if len(scores) == 1 else together(torch.stack(scores), self.votes)
        return answer, {name: after[name] for name in state}  # in the same order for ever

    def _named_readers(self) -> Iterator[tuple[str, "_MemberStepper"]]:
        """The members, and the beginning of the names of their states."""
        for k, reader in enumerate(self.readers):
            assert isinstance(reader, _MemberStepper)
            yield f"member{k}_" if len(self.readers) > 1 else "", reader


class _MemberStepper(nn.Module):
    """One member: the inputs of its recurrence, one step of that, and what pooling has kept."""

    def __init__(self, member: ManyToOne) -> None:
        super().__init__()
        self.member = member
        self._cells = member.recurrence.state_names
        self.parts = list(self.state_shapes(1))

    def state_shapes(self, batch_size: int) -> dict[str, tuple[int, ...]]:
        recurrence, inputs = self.member.recurrence, self.member.inputs
        shapes: dict[str, tuple[int, ...]] = {
            name: (len(recurrence.layers), batch_size, recurrence.out_features)
            for name in self._cells
        }
        size = self.member.num_outputs
        if self.member.pooling in ("mean", "concat"):
            shapes["mean"] = (batch_size, size)
        if self.member.pooling in ("max", "concat"):
            shapes["maximum"] = (batch_size, size)
        if inputs is not None and inputs.difference != "none":
            shapes["earlier"] = (batch_size, inputs.gap, self.member.num_features)
        return shapes

    def forward(
        self, features: Tensor, state: StepState, steps_read: Tensor
    ) -> tuple[Tensor, StepState]:
        """Features (B, D), state, steps read before (B,) → scores (B, K), the state after."""
        member, after = self.member, {}
        chosen = member.chosen(features)
        if member.inputs is not None:
            chosen, earlier = _inputs_of(
                member.inputs, chosen, state.get("earlier"), steps_read.unsqueeze(1) == 0
            )
            if earlier is not None:
                after["earlier"] = earlier
        carried = tuple(state[name] for name in self._cells)
        outputs, carried = member.recurrence(
            chosen, torch.ones_like(steps_read), carried, carry=True
        )
        if member.gated is not None:
            before = state[self._cells[0]][-1]
            outputs = torch.cat([outputs, member.gated(chosen, before)], dim=1)
        after |= dict(zip(self._cells, carried, strict=True))
        pooled = {"last": outputs}
        if "maximum" in self.parts:
            is_first = (steps_read == 0).unsqueeze(1)
            larger = torch.maximum(outputs, state["maximum"])
            pooled["max"] = after["maximum"] = torch.where(is_first, outputs, larger)
        if "mean" in self.parts:
            # A sum would lose its last digits in a sequence that does not end.
            change = (outputs - state["mean"]) / (steps_read + 1).unsqueeze(1)
            pooled["mean"] = after["mean"] = state["mean"] + change
        if member.pooling == "concat":
            found = torch.cat([pooled["last"], pooled["max"], pooled["mean"]], dim=1)
        else:
            found = pooled[member.pooling]
        return member.head(found), after


def _inputs_of(
    inputs: StepInputs, features: Tensor, earlier: Tensor | None, is_first: Tensor
) -> tuple[Tensor, Tensor | None]:
    """The inputs (B, …) of one step, and the features (B, G, C) of the last G steps, newest last."""
    parts = [features] if inputs.keep else []
    if earlier is not None:
        # Before the first step there was none: a difference within the gap is that to step 0.
        repeated = features.unsqueeze(1).expand_as(earlier)
        earlier = torch.where(is_first.unsqueeze(2), repeated, earlier)
        change = features - earlier[:, 0]
        parts.append(change.abs() if inputs.difference == "absolute" else change)
        earlier = torch.cat([earlier[:, 1:], features.unsqueeze(1)], dim=1)
    return inputs.finish(torch.cat(parts, dim=1)), earlier
