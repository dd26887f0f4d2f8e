"""Mechanisms that cannot be a layer, each with the reason: what `insert` and `modules` say."""

from __future__ import annotations

from yaml_attn.mechanisms.mechanism import Refused

REFUSED = (
    Refused(
        "RANet",
        title="Region Attention Network for Semantic Segmentation",
        venue="NeurIPS",
        year=2020,
        arxiv=None,
        reason="RANet has no honest form as a layer: it groups pixels into regions by a class map\n"
        "and a boundary map that it learns from segmentation labels, which detection has not.\n"
        "Without them the regions mean nothing; DANPosition attends to all pixels instead.",
        aliases=("RegionAttention", "RegionAttentionNetwork", "RAN"),
    ),
    Refused(
        "ProphetAttention",
        title="Prophet Attention: Predicting Attention with Future Attention",
        venue="NeurIPS",
        year=2020,
        arxiv="2210.10914",
        reason="Prophet attention has no honest form as a layer: it is a loss for captioning,\n"
        "which draws the attention computed from past words to that computed from future ones.\n"
        "A detector reads no words, and nothing of it is an operation on a feature map.",
        aliases=("Prophet", "ProphetAttn"),
    ),
)
