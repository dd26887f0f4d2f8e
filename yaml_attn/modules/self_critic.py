"""Self-critical attention, its agent: a gate for each position, then one for each channel.

    x1 = x * s(conv7(d(conv7(mean over the channels of x))))
    y = x1 * s(W2 d(W1 GAP(x1)))                                   s sigmoid, d ReLU

Adapted: what is new in the paper is no layer. A critic, in training only, learns to foretell what
the agent's attention earns, a right answer and a surer one than without it, and the agent is
trained to please the critic. That needs class labels, a pass without attention and a loss, none of
which a layer has. What remains is the agent, a gate like CBAM's.

Paper: Self-Critical Attention Learning for Person Re-Identification, Chen, Lin, Ren, Lu, Zhou,
ICCV 2019; no arXiv version. Of it the abstract and others' notes were read: that the agents are a
spatial and a channel attention is theirs, their widths and order here are ours, and a 7x7
convolution stands where the paper's fully connected layers would fix the size of the map.
"""

from __future__ import annotations

from torch import Tensor, nn

from yaml_attn.modules._parts import hidden_width, same_padding, start_at_zero


class SelfCriticAttention(nn.Module):
    """The attention agent alone, (N, C, H, W) -> (N, C, H, W).

    Args:
        channels: C.
        ratio: reduction C / h of the hidden width of the channel gate; a multiple of 8, at least 8.
        kernel_size: of the spatial gate's two convolutions, with 8 planes between them; odd.
        identity_init: start as the identity, exactly: the last layers start at 0, gates doubled.
    """

    def __init__(
        self, channels: int, ratio: int = 16, kernel_size: int = 7, identity_init: bool = False
    ) -> None:
        super().__init__()
        hidden = hidden_width(channels, ratio)
        self.ratio = channels / hidden
        padding = same_padding(kernel_size)
        self.conv1 = nn.Conv2d(1, 8, kernel_size, padding=padding)
        self.conv2 = nn.Conv2d(8, 1, kernel_size, padding=padding)
        self.fc1 = nn.Conv2d(channels, hidden, 1)
        self.fc2 = nn.Conv2d(hidden, channels, 1)
        self.relu = nn.ReLU()
        self.gain = 2.0 if identity_init else 1.0
        if identity_init:
            start_at_zero(self.conv2, self.fc2)

    def forward(self, x: Tensor) -> Tensor:
        position: Tensor = self.conv2(self.relu(self.conv1(x.mean(1, keepdim=True)))).sigmoid()
        x = x * (self.gain * position)
        channel: Tensor = self.fc2(self.relu(self.fc1(x.mean((2, 3), keepdim=True)))).sigmoid()
        return x * (self.gain * channel)
