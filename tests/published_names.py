"""The published state dicts, under our names."""

import re

RENAMES = [
    (r"\.module\.", "."),
    (r"^formatLayer\.1\.", "format_layer.spread."),
    (r"^formatLayer\.4\.", "format_layer.blend."),
    (r"^formatLayer\.(weight|bias)", r"format_layer.linear.\1"),
    (r"^groupScale0\.0\.", "first."),
    (r"^groupScaleZero\.0\.", "last."),
    (r"^groupScaleZero\.1\.", "gather."),
    (r"^decisionLayer\.", "decide."),
    (r"^scaleLayers\.(\d+)\.(\d+)\.", r"blocks.\1.\2."),
    (r"^toRGBLayers\.", "to_image."),
    (r"^fromRGBLayers\.", "from_image."),
]


def ours(name):
    """Our name of the published parameter `name`."""
    for pattern, replacement in RENAMES:
        name = re.sub(pattern, replacement, name)
    return name
