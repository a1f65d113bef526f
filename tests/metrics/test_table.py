"""Metrics by name become rows that all have the same columns."""

from mirctl.metrics import table


def test_a_row_has_its_own_metrics_and_an_end_of_each_interval():
    metrics = {
        "a.hr@10": {"value": 0.5, "low": 0.4, "high": 0.6, "n": 9},
        "a.b.hr@10": {"value": 0.1},
        "ab.epochs": {"value": 3},
    }
    first, second = table.by_name({"a": {"name": "a"}, "ab": {"name": "ab"}}, metrics)
    assert list(first) == list(second)
    assert first["hr@10.low"] == 0.4
    assert first["epochs"] is None
    assert second == {**dict.fromkeys(first), "name": "ab", "epochs": 3}
