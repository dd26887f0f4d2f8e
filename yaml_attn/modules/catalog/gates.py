"""Mechanisms that multiply a map by what they learn of its channels and positions."""

from __future__ import annotations

from yaml_attn.modules.mechanism import Mechanism

GATES = (
    Mechanism(
        "SE",
        "se",
        family="channel",
        title="Squeeze-and-Excitation Networks",
        venue="CVPR",
        year=2018,
        arxiv="1709.01507",
        summary="Gates each channel by a small two-layer network that sees the global means\n"
        "of all channels: which features matter in this image, wherever they are.",
        parameters_added=(8192, 32768, 131072),
        aliases=("SEAttention", "SELayer", "SEBlock", "SEModule", "SENet", "SqueezeExcitation"),
    ),
    Mechanism(
        "ChannelAttention",
        "cbam",
        family="channel",
        title="CBAM: Convolutional Block Attention Module",
        venue="ECCV",
        year=2018,
        arxiv="1807.06521",
        summary="The first half of CBAM: as SE, but the small network sees the maximum of\n"
        "each channel besides its mean.",
        parameters_added=(8464, 33312, 132160),
        aliases=("ChannelAttentionModule", "ChannelGate"),
    ),
    Mechanism(
        "SpatialAttention",
        "cbam",
        family="spatial",
        title="CBAM: Convolutional Block Attention Module",
        venue="ECCV",
        year=2018,
        arxiv="1807.06521",
        summary="The second half of CBAM: gates each position by a 7x7 convolution over the\n"
        "maximum and the mean of all channels there.",
        parameters_added=(100, 100, 100),
        aliases=("SpatialAttentionModule", "SpatialGate"),
    ),
    Mechanism(
        "CBAM",
        "cbam",
        family="channel and spatial",
        title="CBAM: Convolutional Block Attention Module",
        venue="ECCV",
        year=2018,
        arxiv="1807.06521",
        summary="Which features matter in this image, then where: ChannelAttention, then\n"
        "SpatialAttention.",
        parameters_added=(8564, 33412, 132260),
        aliases=("CBAMBlock", "CBAMAttention", "CBAMLayer"),
    ),
    Mechanism(
        "ECA",
        "eca",
        family="channel",
        title="ECA-Net: Efficient Channel Attention for Deep Convolutional Neural Networks",
        venue="CVPR",
        year=2020,
        arxiv="1910.03151",
        summary="Gates each channel by the means of its few nearest channels: a handful of\n"
        "parameters, no bottleneck.",
        parameters_added=(5, 5, 5),
        aliases=("ECAAttention", "ECALayer", "ECABlock", "ECAModule", "ECANet"),
    ),
    Mechanism(
        "CoordAtt",
        "coord_att",
        family="channel and spatial",
        title="Coordinate Attention for Efficient Mobile Network Design",
        venue="CVPR",
        year=2021,
        arxiv="2103.02907",
        summary="Gates each channel by its row and by its column, from the means of both:\n"
        "channel attention that knows where.",
        parameters_added=(6680, 25648, 100448),
        aliases=("CA", "CABlock", "CoordAttention", "CoordinateAttention", "CoordAttn"),
    ),
    Mechanism(
        "SimAM",
        "simam",
        family="channel and spatial",
        title="SimAM: A Simple, Parameter-Free Attention Module for CNNs",
        venue="ICML",
        year=2021,
        arxiv=None,
        summary="Gates each value by how far it stands out of its channel. Nothing is learned.",
        parameters_added=(0, 0, 0),
        aliases=("SimAMModule", "SimAMAttention"),
    ),
    Mechanism(
        "GAMAttention",
        "gam",
        family="channel and spatial",
        title="Global Attention Mechanism: Retain Information to Enhance "
        "Channel-Spatial Interactions",
        venue="arXiv",
        year=2021,
        arxiv="2112.05561",
        summary="Gates every value on its own, first from all channels at its position, then\n"
        "from its 13x13 surroundings. Nothing is pooled away; heavy.",
        parameters_added=(435136, 1738624, 6950656),
        aliases=("GAM", "GAM_Attention", "GAMModule", "GAMBlock", "GlobalAttentionMechanism"),
    ),
    Mechanism(
        "ShuffleAttention",
        "shuffle",
        family="channel and spatial",
        title="SA-Net: Shuffle Attention for Deep Convolutional Neural Networks",
        venue="ICASSP",
        year=2021,
        arxiv="2102.00240",
        summary="Gates half of each group of channels by the channel's mean, the other half\n"
        "by position, then shuffles the channels. Almost no parameters.",
        parameters_added=(12, 24, 48),
        aliases=("SA", "SANet", "SALayer", "ShuffleAttn", "Shuffle_Attention"),
    ),
    Mechanism(
        "SOCA",
        "soca",
        family="channel",
        title="Second-order Attention Network for Single Image Super-Resolution",
        venue="CVPR",
        year=2019,
        arxiv=None,
        summary="As SE, but the small network sees how strongly each channel varies together\n"
        "with the others, not its mean.",
        parameters_added=(8464, 33312, 132160),
        aliases=("SOCAttention", "SOCALayer", "SOCABlock", "SOCAModule", "SecondOrder"),
    ),
    Mechanism(
        "NAMAttention",
        "nam",
        family="channel",
        title="NAM: Normalization-based Attention Module",
        venue="NeurIPS workshop",
        year=2021,
        arxiv="2111.12419",
        summary="Gates each value by its own normalised size, times how much the batch norm's\n"
        "scale says that its channel matters. Nothing is learned but that norm.",
        parameters_added=(512, 1024, 2048),
        aliases=("NAM", "NAM_Attention", "NAMAtt", "NAMAttn", "NAMModule", "NAMBlock"),
    ),
)
