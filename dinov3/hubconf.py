"""A torch.hub repository of DINOv3 backbones, with the entry names of Meta's release.

    torch.hub.load("dinov3", "dinov3_vitl16", source="local", weights="FILE")

``weights`` is a file of any published layout; ``pretrained=False`` does without. Each entry is one of
``ntt.encoders.configs``, so that this folder and the encoders never disagree.
"""

from ntt.encoders.hub import hub_entries as _hub_entries

dependencies = ["torch", "timm", "ntt"]

globals().update(_hub_entries())
