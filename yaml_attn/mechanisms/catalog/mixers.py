"""Mechanisms that make each value from several others: self-attention and convolutions."""

from __future__ import annotations

from yaml_attn.mechanisms.mechanism import Mechanism

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
        identity="never",
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
        identity="always",
    ),
    Mechanism(
        "DANPosition",
        "dan",
        family="self-attention",
        title="Dual Attention Network for Scene Segmentation",
        venue="CVPR",
        year=2019,
        arxiv="1809.02983",
        summary="Each pixel reads all pixels, weighted by likeness, at a cost that grows with\n"
        "the square of their number; max_tokens=1024 bounds it. Starts as the identity.",
        parameters_added=(82209, 328257, 1311873),
        aliases=("PAM", "PAMModule", "PositionAttention", "PositionAttentionModule"),
        identity="always",
    ),
    Mechanism(
        "DANChannel",
        "dan",
        family="self-attention",
        title="Dual Attention Network for Scene Segmentation",
        venue="CVPR",
        year=2019,
        arxiv="1809.02983",
        summary="Each channel reads the channels whose maps are like its own. Only the share\n"
        "of what it reads is learned. Starts as the identity.",
        parameters_added=(1, 1, 1),
        aliases=("CAMModule", "DANChannelAttention"),
        identity="always",
    ),
    Mechanism(
        "SplAtConv",
        "splat",
        family="convolution",
        title="ResNeSt: Split-Attention Networks",
        venue="CVPR workshop",
        year=2022,
        arxiv="2004.08955",
        summary="Two 3x3 convolutions, each of half the channels, mixed for each channel by\n"
        "what the whole image shows. Replaces a convolution; even channel counts only.",
        parameters_added=(690048, 2756352, 11017728),
        aliases=("SplitAttention", "SplAt", "SplAtConv2d", "SplitAttn", "ResNeSt"),
        identity="never",
    ),
    Mechanism(
        "EfficientAttention",
        "efficient",
        family="self-attention",
        title="Efficient Attention: Attention with Linear Complexities",
        venue="WACV",
        year=2021,
        arxiv="1812.01243",
        summary="Sums the map up in C/2 vectors, each from all pixels, of which each pixel\n"
        "mixes its own: global context at a cost linear in the map's size.",
        parameters_added=(131584, 525312, 2099200),
        aliases=("EfficientAttn", "EfficientAttentionModule", "LinearComplexityAttention"),
    ),
    Mechanism(
        "EMAttention",
        "em",
        family="self-attention",
        title="Expectation-Maximization Attention Networks for Semantic Segmentation",
        venue="ICCV",
        year=2019,
        arxiv="1907.13426",
        summary="Clusters the pixels of each image around 64 bases and adds the map rebuilt\n"
        "of them: global context of low rank, at a cost linear in the map's size.",
        parameters_added=(131840, 525824, 2100224),
        aliases=("EMAU", "EMANet", "ExpectationMaximization", "EMAttn"),
    ),
    Mechanism(
        "AxialAttention",
        "axial",
        family="self-attention",
        title="Axial-DeepLab: Stand-Alone Axial-Attention for Panoptic Segmentation",
        venue="ECCV",
        year=2020,
        arxiv="2003.07853",
        summary="Each pixel reads its column, then its row, so in the end the whole map,\n"
        "weighted by likeness and by learned distances. Slow on large maps.",
        parameters_added=(141040, 544176, 2136880),
        aliases=("Axial", "AxialAttn", "AxialBlock", "AxialDeepLab"),
    ),
    Mechanism(
        "RandomFeatureAttention",
        "rfa",
        family="self-attention",
        title="Random Feature Attention",
        venue="ICLR",
        year=2021,
        arxiv="2103.02143",
        summary="Each pixel reads all pixels, weighted by an estimate of what a softmax would\n"
        "give, from random features: full attention at a cost linear in the map's size.",
        parameters_added=(263424, 1051136, 4199424),
        aliases=("RandomFeatureAttn", "RandomFeature"),
    ),
)
