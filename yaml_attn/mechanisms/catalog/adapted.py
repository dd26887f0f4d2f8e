"""Mechanisms that the tutorial shows without code and whose papers' own forms are no layers.

Each says what is adapted; see `tutorial.py` for the whole list.
"""

from __future__ import annotations

from yaml_attn.mechanisms.mechanism import Mechanism

SURVEYED = (
    Mechanism(
        "SlotAttention",
        "slot",
        family="self-attention",
        title="Object-Centric Learning with Slot Attention",
        venue="NeurIPS",
        year=2020,
        arxiv="2006.15055",
        summary="A few slots compete for the pixels, each collects what it wins, and each pixel\n"
        "reads the slots that won it: a soft grouping of the map, at a cost linear in its size.",
        parameters_added=(97216, 148416, 250816),
        aliases=("Slot", "Slots", "SlotAttn"),
        adapted="the slots are dealt back to the pixels and added; the paper decodes them.",
    ),
    Mechanism(
        "Perceiver",
        "perceiver",
        family="self-attention",
        title="Perceiver: General Perception with Iterative Attention",
        venue="ICML",
        year=2021,
        arxiv="2103.03206",
        summary="A few latent vectors read the whole map, attend to one another, and answer each\n"
        "pixel: global context at a cost linear in the map's size.",
        parameters_added=(361864, 1378824, 5378824),
        aliases=("PerceiverAttention", "PerceiverIO", "PerceiverBlock"),
        adapted="decoded to a map as in Perceiver IO; the paper classifies from latents.",
    ),
    Mechanism(
        "XLinearAttention",
        "x_linear",
        family="channel and spatial",
        title="X-Linear Attention Networks for Image Captioning",
        venue="CVPR",
        year=2020,
        arxiv="2003.14080",
        summary="The mean of the map asks every pixel by products of features; weighted over\n"
        "positions and over channels, the answer is told to each pixel.",
        parameters_added=(397632, 1583744, 6321408),
        aliases=("XLinear", "X-Linear", "XLinearAttn", "XLAN"),
        adapted="the query is the mean of the map, in the paper the state of a captioner; no norm\n"
        "at the end.",
    ),
    Mechanism(
        "S3TA",
        "s3ta",
        family="self-attention",
        title="Towards Robust Image Classification Using Sequential Attention Models",
        venue="CVPR",
        year=2020,
        arxiv="1912.02184",
        summary="A recurrent controller looks at the map four times, each time for what it asks,\n"
        "and tells every pixel what it found.",
        parameters_added=(152736, 567552, 2183616),
        aliases=("S3TA4", "SequentialAttention"),
        adapted="its last state is added to every pixel; the paper reads the class from it.",
    ),
    Mechanism(
        "BoostedAttention",
        "boosted",
        family="spatial",
        title="Boosted Attention: Leveraging Human Attention for Image Captioning",
        venue="ECCV",
        year=2018,
        arxiv="1904.00767",
        summary="Scales each position by the logarithm of a learned saliency, by 1 where there is\n"
        "none.",
        parameters_added=(66049, 263169, 1050625),
        aliases=("Boosted", "BoostedAttn"),
        adapted="without the paper's training on human gaze, and without the captioner behind it.",
    ),
    Mechanism(
        "SelfCriticAttention",
        "self_critic",
        family="channel and spatial",
        title="Self-Critical Attention Learning for Person Re-Identification",
        venue="ICCV",
        year=2019,
        arxiv=None,
        summary="Gates each position by two convolutions over the mean of all channels, then each\n"
        "channel as SE does.",
        parameters_added=(9257, 34105, 132953),
        aliases=("SelfCritic", "SelfCritical", "SelfCriticalAttention", "SelfCriticAttn"),
        adapted="the agent alone, a gate like others. The critic, which is the idea, is a way of\n"
        "training that needs class labels and a loss.",
    ),
    Mechanism(
        "BayesianAttention",
        "bayesian",
        family="self-attention",
        title="Bayesian Attention Modules",
        venue="NeurIPS",
        year=2020,
        arxiv="2010.10604",
        summary="Self-attention over the pixels whose weights are drawn in training, around those\n"
        "that it computes. Grows with the square of the map; max_tokens=1024 bounds it.",
        parameters_added=(131584, 525312, 2099200),
        aliases=("Bayesian", "BayesianAttn", "BABN", "BayesianAttentionBelief"),
        adapted="one layer; the belief network that the tutorial names ties the layers of a whole\n"
        "network. Add aux_loss(x) to the loss, without it the drawing is mere noise.",
    ),
    Mechanism(
        "CoExcitation",
        "co_excitation",
        family="channel",
        title="One-Shot Object Detection with Co-Attention and Co-Excitation",
        venue="NeurIPS",
        year=2019,
        arxiv="1911.12529",
        summary="Two maps look at each other; then the means of one's channels gate the channels\n"
        "of the other.",
        parameters_added=(174224, 692512, 2761280),
        aliases=("CoAE", "CoExcite", "CoAttention"),
        adapted="the context may have any width; the first map alone goes on.",
        inputs=2,
    ),
    Mechanism(
        "ReverseAttention",
        "reverse",
        family="spatial",
        title="Reverse Attention for Salient Object Detection",
        venue="ECCV",
        year=2018,
        arxiv="1807.09940",
        summary="Takes away from one map what a coarser one already finds, so that what follows\n"
        "looks at the rest.",
        parameters_added=(257, 513, 1025),
        aliases=("Reverse", "ReverseAttn", "RAS"),
        adapted="the mask is learned by what helps; in the paper it is a prediction, with a loss.",
        inputs=2,
    ),
    Mechanism(
        "CrossAttention",
        "can",
        family="spatial",
        title="Cross Attention Network for Few-shot Classification",
        venue="NeurIPS",
        year=2019,
        arxiv="1910.07677",
        summary="Makes those places of one map stronger that are like what another map shows.",
        parameters_added=(486, 486, 486),
        aliases=("CAN", "CrossAttn", "CrossAttentionNetwork"),
        adapted="the context may have any width and size, pooled to the paper's 6x6; the first\n"
        "map alone goes on.",
        inputs=2,
    ),
)
