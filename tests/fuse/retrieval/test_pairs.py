"""Who answers whom, and what is learned from."""

import numpy as np
import pytest

from mirctl import recipe
from mirctl.errors import DataError
from mirctl_fuse.retrieval import pairs
from mirctl_fuse.retrieval.config import PairConfig

QUERIES = "query_id,title\na,red\nb,green\nc,blue\nd,grey\n"


@pytest.fixture
def load(pairs_recipe):
    """Loads the pairs of the recipe, with a table of pairs where it is given."""

    def loaded(table=None, *changes, queries=QUERIES):
        folder = pairs_recipe.parent
        if table is not None:
            (folder / "pairs.csv").write_text(table)
            (folder / "queries.csv").write_text(queries)
            named = {"pairs": folder / "pairs.csv", "queries": folder / "queries.csv"}
            changes = (*(f"data.{name}={path}" for name, path in named.items()), *changes)
        read = recipe.change(recipe.read(str(pairs_recipe), []), list(changes))
        return pairs.load(recipe.resolve(PairConfig, read))

    return loaded


def test_without_pairs_each_thing_answers_itself(load):
    found = load()
    assert np.array_equal(found.query, found.item)
    assert len(found) == 150
    counts = [len(found.of(part)) for part in pairs.PARTS]
    assert sum(counts) == 150
    assert 80 < counts[0] < 130, counts
    assert 15 < counts[2] < 50, counts


def test_things_that_come_or_go_move_no_other(load, pairs_recipe):
    before = load()
    where = dict(zip(before.queries.ids, before.part[np.argsort(before.query)], strict=True))
    file = pairs_recipe.parent / "items.csv"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], "new,one", *lines[20:]]) + "\n")
    after = load()
    for query, part in zip(after.query, after.part, strict=True):
        name = after.queries.ids[query]
        assert name == "new" or where[name] == part
    assert not np.array_equal(load(None, "seed=5").part, after.part)


def test_a_query_may_have_several_answers_and_a_part_of_its_own(load):
    table = "query_id,item_id,split\na,t1,train\na,t2,train\nb,t1,valid\nc,t9,test\na,t1,train\n"
    found = load(table)
    told = {(found.queries.ids[q], found.items.ids[i], pairs.PARTS[p])
            for q, i, p in zip(found.query, found.item, found.part, strict=True)}  # fmt: skip
    assert told == {("a", "t1", "train"), ("a", "t2", "train"), ("b", "t1", "valid"),
                    ("c", "t9", "test")}  # fmt: skip
    assert len(found) == 4


def test_a_hash_puts_all_answers_of_a_query_into_one_part(load):
    rows = [f"q{n % 40},t{n}" for n in range(150)]
    queries = "query_id,title\n" + "\n".join(f"q{n},x" for n in range(40)) + "\n"
    found = load("query_id,item_id\n" + "\n".join(rows) + "\n", queries=queries)
    parts = {}
    for query, part in zip(found.query, found.part, strict=True):
        assert parts.setdefault(query, part) == part
    assert set(parts.values()) == {0, 1, 2}


@pytest.mark.parametrize(
    ("table", "told", "where"),
    [
        ("query_id,item_id\na,t1\nz,t2\n", "query_id 'z' is not in", "row 2"),
        ("query_id,item_id\na,t1\nb,t999\n", "item_id 't999' is not in", "row 2"),
        ("query_id,item_id,split\na,t1,train\nb,t2,dev\n", "part is 'dev'", "row 2"),
        ("query_id,item_id,split\na,t1,train\nb,t2,\n", "part is None", "row 2"),
        ("query_id,item_id,split\na,t1,train\na,t2,test\n", "'a' is in test", "row 2"),
        ("query_id,thing\na,t1\n", "item_id", "pairs.csv"),
        ("query_id,item_id\n", "no rows", "pairs.csv"),
    ],
)
def test_a_table_of_pairs_that_cannot_be_is_told(load, table, told, where):
    with pytest.raises(DataError) as error:
        load(table)
    assert told in str(error.value)
    assert where in error.value.where


def test_tables_may_call_their_columns_as_they_like(load, pairs_recipe):
    asking = f"{{table: {pairs_recipe.parent}/queries.csv, columns: {{id: item_id, title: said}}}}"
    found = load(
        "asks,answers,when\na,t1,train\nb,t2,test\n",
        "data.pair_columns={query: asks, item: answers, split: when}",
        f"data.queries={asking}",
        queries="item_id,said\na,red\nb,green\n",
    )
    assert found.queries.titles == ["red", "green"]
    assert [found.items.ids[i] for i in found.of("test").item] == ["t2"]


def test_parts_without_pairs_are_told(load):
    few = load("query_id,item_id,split\na,t1,train\nb,t2,train\nc,t3,test\n")
    pairs.refuse_too_few(few, valid=False)
    with pytest.raises(DataError, match="0 pairs for valid"):
        pairs.refuse_too_few(few, valid=True)


def test_what_is_unknown_on_one_side_is_left_out(load):
    table = "query_id,item_id,split\na,t1,train\nb,t2,train\nc,t3,test\n"
    found = load(table)
    queries, items = np.ones(4, bool), np.ones(150, bool)
    queries[1] = items[3] = False
    assert [found.items.ids[i] for i in found.between(queries, items).item] == ["t1"]
    assert found.digest() != found.between(queries, items).digest()
