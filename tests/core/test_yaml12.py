import pytest

from mirctl import yaml12
from mirctl.errors import UsageError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("12:30", "12:30"),
        ("1e-3", 0.001),
        ("2026-01-01", "2026-01-01"),
        ("1_000", "1_000"),
        ("~", None),
        ("", None),
        ("true", True),
        ("<<", "<<"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text, value):
    loaded, _ = yaml12.load(f"a: {text}", "r.yaml")
    assert loaded == {"a": value}
    assert type(loaded["a"]) is type(value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: 1\nb: 2\na: 3", "r.yaml:3:1: the key 'a' stands here a second time"),
        ("a: !!python/object/apply:os.system [ls]", "tags are not allowed"),
        ("a: !mine 3", "tags are not allowed"),
        ("a: .nan", "not a finite number"),
        ("a: 1e999", "not a finite number"),
        ("a: [1, 2", "r.yaml:1:9: not YAML"),
        ("1: 2", "put it in quotes"),
        ("a: &x [*x]", "contains itself"),
        ("a:\n" + "".join(" " * n + "a:\n" for n in range(1, 400)), "r.yaml:51: nested more than"),
        ("a: " + "[" * 100_000, "r.yaml:1: nested more than"),
        ('a: "\\ud83d"', "half a character"),
        ('"\\ud83d": 1', "half a character"),
        ("\x00", "not YAML"),
        ("a: &x 1\n" + "\n".join(f"b{i}: &y{i} 1" for i in range(200)), "anchors"),
    ],
)
def test_what_is_no_recipe_is_refused_with_its_place(text, complaint):
    with pytest.raises(UsageError) as caught:
        yaml12.load(text, "r.yaml")
    assert complaint in str(caught.value)


def test_a_billion_laughs_stop_early():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    with pytest.raises(UsageError, match=r"anchors|values"):
        yaml12.load("\n".join(lines), "r.yaml")


@pytest.mark.parametrize(
    "value", ["no", "1e5", "010", "0x1", "", "~", "a: b", "null", 1e-5, 7, True]
)
def test_what_is_dumped_reads_back_the_same(value):
    assert yaml12.load(yaml12.dump({"a": value}), "r.yaml")[0] == {"a": value}
