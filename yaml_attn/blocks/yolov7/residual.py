"""The residual bottlenecks of YOLOv7's cross-stage partial blocks."""

from __future__ import annotations

from torch import Tensor, nn

from yaml_attn.blocks.conv import Conv


class Res(nn.Module):
    """A 1 x 1, a 3 x 3 and a 1 x 1 Conv, with a shortcut where the channels allow.

    Deep Residual Learning for Image Recognition, He et al., CVPR 2016, arXiv 1512.03385.
    """

    def __init__(self, c1: int, c2: int, shortcut: bool = True, g: int = 1, e: float = 0.5) -> None:
        super().__init__()
        hidden = int(c2 * e)
        self.cv1 = Conv(c1, hidden)
        self.cv2 = self.middle(hidden, g)
        self.cv3 = Conv(hidden, c2)
        self.add = shortcut and c1 == c2

    def middle(self, c: int, g: int) -> nn.Module:
        """The 3 x 3 convolution."""
        return Conv(c, c, 3, g=g)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.cv3(self.cv2(self.cv1(x)))
        return x + y if self.add else y


class ResX(Res):
    """Res in 32 groups: ResNeXt, Xie et al., CVPR 2017, arXiv 1611.05431."""

    def __init__(
        self, c1: int, c2: int, shortcut: bool = True, g: int = 32, e: float = 0.5
    ) -> None:
        super().__init__(c1, c2, shortcut, g, e)
