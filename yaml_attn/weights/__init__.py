"""Pretrained weights kept: read without running anything in the file, moved along an index map.

from yaml_attn.weights import read_checkpoint, transfer

config = yaml_attn.load("yolov5s.yaml").insert("SE", after=9)
found = transfer(read_checkpoint("yolov5s.pt").state, config.index_map)
"""

import yaml_attn.building  # noqa: F401 (before torch, whose warning of NumPy it filters)
from yaml_attn.errors import CheckpointError
from yaml_attn.weights.checkpoint import Checkpoint, read_checkpoint
from yaml_attn.weights.difference import Level
from yaml_attn.weights.live import load_pretrained
from yaml_attn.weights.remap import LayerSummary, Moved, Naive, Transfer, transfer
from yaml_attn.weights.transplant import Carried, Described, carry, index_map
from yaml_attn.weights.writing import Kind, kind_of, save

__all__ = [
    "Carried",
    "Checkpoint",
    "CheckpointError",
    "Described",
    "Kind",
    "LayerSummary",
    "Level",
    "Moved",
    "Naive",
    "Transfer",
    "carry",
    "index_map",
    "kind_of",
    "load_pretrained",
    "read_checkpoint",
    "save",
    "transfer",
]
