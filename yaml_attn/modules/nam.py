"""NAM: one gate per value, scaled by how much the batch norm's own scales say the channel matters.

    y = x * s(w_c BN(x))        w_c = |g_c| / sum_j |g_j|,  g: the scales of that batch norm

Paper: NAM: Normalization-based Attention Module, Liu, Shao, Teng, Hoffmann, NeurIPS 2021 workshop
ImageNet PPF, arXiv 2111.12419. s sigmoid. As the weights w sum to 1, the gate of 512
channels with equal scales stays between 0.498 and 0.502: `scaled` is there for that. The paper's
spatial half needs a scale for each pixel, so one size of map, and is left out as in the authors'
code. The sparsity term of its loss is `regularizer`; no forward pass adds it.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from yaml_attn.modules._parts import BatchNorm2d, is_tutorial, start_at_zero

EPSILON = 1e-6


class NAMAttention(nn.Module):
    """Normalization-based attention, (N, C, H, W) -> (N, C, H, W).

    Args:
        channels: C.
        scaled: multiply w by C, so that the weights average 1 (not in the paper).
        identity_init: start as the identity, exactly: the batch norm starts at 0 and the gate is
            doubled. All weights are then 1 / C.
        variant: "paper", or "tutorial", the popular code's form: no gradient flows through w.
    """

    def __init__(
        self,
        channels: int,
        scaled: bool = False,
        identity_init: bool = False,
        variant: str = "paper",
    ) -> None:
        super().__init__()
        self.detached = is_tutorial(variant)
        self.bn = BatchNorm2d(channels)
        self.total = float(channels) if scaled else 1.0
        self.gain = 2.0 if identity_init else 1.0
        if identity_init:
            start_at_zero(self.bn)

    def weights(self) -> Tensor:
        """The weights w, (C,)."""
        scales = self.bn.weight.detach() if self.detached else self.bn.weight
        # Deviation: where all scales are 0, w is uniform and not 0/0.
        sizes = scales.abs() + EPSILON
        return self.total * sizes / sizes.sum()

    def regularizer(self) -> Tensor:
        """The term that the paper adds to the loss, times a factor of your choice: sum |g_c|."""
        return self.bn.weight.abs().sum()

    def _logits(self, x: Tensor) -> Tensor:
        """Of the gate: w BN(x), as one batch norm with scales w g and biases w b.

        That is a pass over the map less than a norm and a product, forward and backward.
        """
        bn, w = self.bn, self.weights()
        if not isinstance(bn, BatchNorm2d) or bn.momentum is None:
            # Made a SyncBatchNorm, or averaging over all batches so far: it knows how itself.
            logits: Tensor = bn(x) * w.to(x.dtype)[:, None, None]
            return logits
        batch_statistics = bn.training
        if batch_statistics and x.shape[0] * x.shape[2] * x.shape[3] == 1:
            batch_statistics = False  # as in BatchNorm2d: one value per channel has no variance
        if batch_statistics and bn.num_batches_tracked is not None:
            bn.num_batches_tracked.add_(1)
        return F.batch_norm(
            x,
            bn.running_mean,
            bn.running_var,
            w * bn.weight,
            w * bn.bias,
            training=batch_statistics,
            momentum=bn.momentum,
            eps=bn.eps,
        )

    def forward(self, x: Tensor) -> Tensor:
        y = x * self._logits(x).sigmoid()
        return y if self.gain == 1 else self.gain * y
