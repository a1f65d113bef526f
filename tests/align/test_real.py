import gzip
import json

import pytest

from mirctl_align.config import PairsConfig
from mirctl_align.pairs import read
from mirctl_align.rendering import Template

pytestmark = pytest.mark.real


def test_hh_rlhf_is_read_whole_and_shown_as_it_was_written(real_data, byte_level):
    file = real_data / "preferences" / "hh-rlhf-harmless-base-test.jsonl.gz"
    with gzip.open(file) as lines:
        rows = [json.loads(line) for line in lines]
    found = read(file, PairsConfig())
    assert (len(rows), len(found.pairs)) == (2312, 2308)
    assert found.dropped == {"an answer is blank": 4}
    template = Template("dialogue", byte_level)
    for pair in found.pairs:
        row = rows[int(pair.where.rpartition(" ")[2]) - 1]
        shown = {"chosen": template(pair.chosen).text, "rejected": template(pair.rejected).text}
        assert shown == row
