"""Mechanisms that people ask for by names that resemble ours, and that are none of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ABSENT: Final[Mapping[str, str]] = {
    "EMA": "Efficient Multi-Scale Attention, arXiv 2305.13563",
    "GCNet": "the global context block, arXiv 1904.11492",
    "LSKA": "Large Separable Kernel Attention, arXiv 2309.01439",
    "MHSA": "multi-head self-attention, arXiv 1706.03762",
    "TripletAttention": "Rotate to Attend, arXiv 2010.03045",
}
"""Name -> what is meant by it."""
