import torch

from data.attributes import AttributeTable
from training.preview import describe_labels


def test_labels_are_told_in_words():
    table = AttributeTable.from_plain({"pitch": [60, 62], "instrument_family": [1, 4]})
    assert describe_labels(table, torch.tensor([1, 1])) == "pitch 62, instrument_family keyboard"
