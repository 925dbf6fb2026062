"""What is learnt from beside the labels: answers that hold under perturbation, and are decided.

B sequences · N steps in the batch · D features · K classes
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from models.errors import OptionError
from models.sequence.perturbation import adversarial, divergence, entropy, virtual_adversarial

# Of the length of the random direction from which the worst one is found (Miyato 2017 leaves it
# open): small, so that the divergence is near to its second-order form, and far from rounding.
PROBE = 0.1


@dataclass(frozen=True, kw_only=True)
class MixedObjective:
    """Terms of the loss beside the labels' own, each with its weight; 0 leaves it out.

    Sachan et al. 2019, "Revisiting LSTM Networks for Semi-Supervised Text Classification via Mixed
    Objective Function", takes them together; what each is, `models.sequence.perturbation` says. All
    but the first also learn from sequences without a label.

    Args:
        adversarial: weight of the loss under the worst small perturbation of the encoded steps.
        virtual_adversarial: weight of the divergence from the answer without a perturbation to that
            under the one that changes it most.
        entropy: weight of the answers' entropy.
        taught: weight of a sequence that teachers have answered beside one with a label (see
            `pipelines.training.training_loss`); without teachers there is none.
        perturbation: norm of a perturbation over all steps of a sequence, in units of the features.
            It means something only where the features keep their scale (see `WordEmbedding`,
            ``normalize``).
    """

    adversarial: float = 0.0
    virtual_adversarial: float = 0.0
    entropy: float = 0.0
    taught: float = 1.0
    perturbation: float = 5.0

    def __post_init__(self) -> None:
        for name in ("adversarial", "virtual_adversarial", "entropy", "taught"):
            if getattr(self, name) < 0:
                raise OptionError(f"{name}={getattr(self, name)}: a weight is 0 or more")
        if self.perturbation <= 0:
            raise OptionError(f"perturbation={self.perturbation}: a norm is more than 0")

    @property
    def learns_without_labels(self) -> bool:
        """Whether there is a term that asks for no label."""
        return self.virtual_adversarial > 0 or self.entropy > 0

    @property
    def perturbs(self) -> bool:
        """Whether encoded steps are perturbed, for which they need a gradient."""
        return self.adversarial > 0 or self.virtual_adversarial > 0

    def labelled(
        self,
        read: Callable[[Tensor], Tensor],
        loss_of: Callable[[Tensor], Tensor],
        features: Tensor,
        lengths: Tensor,
        scores: Tensor,
        loss: Tensor,
    ) -> Tensor:
        """The whole loss of sequences with labels.

        Args:
            read: features (N, D) → scores (B, K).
            loss_of: scores (B, K) → loss.
            features: (N, D), part of the graph of ``loss``.
            lengths: (B,)
            scores: (B, K), what ``read`` said of the features.
            loss: what ``loss_of`` said of those scores.
        """
        total = loss
        if self.adversarial > 0:
            worst = adversarial(features, lengths, loss, self.perturbation)
            total = total + self.adversarial * loss_of(read(features + worst))
        return total + self.unlabelled(read, features, lengths, scores)

    def unlabelled(
        self, read: Callable[[Tensor], Tensor], features: Tensor, lengths: Tensor, scores: Tensor
    ) -> Tensor | float:
        """The part of the loss that asks for no label, a mean over B sequences."""
        total: Tensor | float = 0.0
        if self.virtual_adversarial > 0:
            worst = virtual_adversarial(
                read, features, lengths, scores, self.perturbation, probe=PROBE
            )
            change = divergence(scores.detach(), read(features + worst)).mean()
            total = total + self.virtual_adversarial * change
        if self.entropy > 0:
            total = total + self.entropy * entropy(scores).mean()
        return total
