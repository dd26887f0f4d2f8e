"""Mechanisms that make each value from several others: self-attention and convolutions."""

from __future__ import annotations

from yaml_attn.modules.mechanism import Mechanism

MIXERS = (
    Mechanism(
        "SKAttention",
        "sk",
        family="convolution",
        title="Selective Kernel Networks",
        venue="CVPR",
        year=2019,
        arxiv="1903.06586",
        summary="A 3x3 convolution and a wider one, mixed for each channel by what the whole\n"
        "image shows: the receptive field follows the object. Replaces a convolution.",
        parameters_added=(62528, 198720, 790656),
        aliases=("SK", "SKNet", "SKConv", "SKUnit", "SKLayer", "SKBlock", "SelectiveKernel"),
    ),
    Mechanism(
        "DoubleAttention",
        "double",
        family="self-attention",
        title="A^2-Nets: Double Attention Networks",
        venue="NeurIPS",
        year=2018,
        arxiv="1810.11579",
        summary="Gathers C/4 descriptors from all positions and deals to each position its\n"
        "own mixture of them: global context at a cost linear in the map's size.",
        parameters_added=(66048, 263168, 1050624),
        aliases=("A2", "A2Net", "A2Attention", "A2Block", "DoubleAtten", "DoubleAttn"),
    ),
    Mechanism(
        "S2Attention",
        "s2_attention",
        family="convolution",
        title="S^2-MLPv2: Improved Spatial-Shift MLP Architecture for Vision",
        venue="arXiv",
        year=2021,
        arxiv="2108.01072",
        summary="Shifts quarters of the channels by a pixel in four directions and mixes\n"
        "three such maps, for each channel by what the whole image shows. Replaces a\n"
        "convolution.",
        parameters_added=(525312, 2099200, 8392704),
        aliases=("S2", "S2MLP", "S2MLPv2", "S2-MLPv2", "S2_MLPv2", "S2Attn", "S2_Attention"),
    ),
    Mechanism(
        "CrissCrossAttention",
        "criss_cross",
        family="self-attention",
        title="CCNet: Criss-Cross Attention for Semantic Segmentation",
        venue="ICCV",
        year=2019,
        arxiv="1811.11721",
        summary="Each pixel reads its whole row and column, weighted by likeness; with\n"
        "recurrence=2 so the whole map. Starts as the identity.",
        parameters_added=(82241, 328321, 1312001),
        aliases=("CrissCross", "CCA", "CCNet", "CCAttention", "CC_Attention", "CrissCrossAttn"),
    ),
)
