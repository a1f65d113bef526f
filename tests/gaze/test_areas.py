"""Areas of interest: a case worked by hand, and sums that must hold."""

import csv
import json

import numpy as np
import pytest

from mirctl_gaze.areas import Visits, area_of

AREAS = ("area,x0,y0,x1,y1", "face,0,0,100,100", "eye,20,20,40,40", "sky,0,200,100,300")


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def look(mirctl, *more):
    return mirctl("gaze", "aoi", "f.csv", "--areas", "areas.csv", "-o", "d.csv", *more)


def test_a_case_worked_by_hand(mirctl, write):
    write("areas.csv", *AREAS)
    write(
        "f.csv", "reader,trial,start,duration,x,y", "r,t,50,100,90,90", "r,t,160,40,80,80",
        "r,t,210,100,30,30", "r,t,320,100,500,500", "r,t,430,60,30,30", "r,t,500,200,90,90",
    )  # fmt: skip
    ran = look(mirctl, "--transitions", "m.csv", "--json")
    assert ran.code == 0
    wanted = [
        ("face", "3", "340", "2", "0"),
        ("eye", "2", "160", "2", "160"),
        ("sky", "0", "0", "0", ""),
    ]
    names = ("area", "fixations", "dwell", "entries", "first")
    assert [tuple(row[name] for name in names) for row in rows("d.csv")] == wanted
    assert [float(row["dwell_share"]) for row in rows("d.csv")] == pytest.approx(
        [340 / 600, 160 / 600, 0], abs=1e-3
    )
    told = json.loads(ran.out)
    assert told["outside"] == 1
    assert told["transitions"] == {
        "areas": ["face", "eye", "sky"], "counts": [[0, 1, 0], [1, 1, 0], [0, 0, 0]],
    }  # fmt: skip
    assert [tuple(row.values())[2:] for row in rows("m.csv")] == [
        ("face", "eye", "1"), ("eye", "face", "1"), ("eye", "eye", "1"),
    ]  # fmt: skip


def test_visits_are_those_of_a_plain_loop():
    rng = np.random.default_rng(0)
    for _ in range(100):
        area = rng.integers(-1, 4, rng.integers(0, 30))
        before, wanted = -1, []
        for i, here in enumerate(area):
            if here >= 0 and here != before:
                wanted.append((here, i))
            before = here
        visits = Visits.of(area)
        assert [*zip(visits.area, visits.first)] == wanted


def test_the_smallest_area_has_the_fixation():
    corners = np.array([(0, 0, 100, 100), (20, 20, 40, 40.0)])
    x = np.array([30.0, 50, 200])
    assert area_of(x, x, corners, np.array([0, 1])).tolist() == [1, 0, -1]


def test_an_area_of_several_boxes_is_one(mirctl, write):
    write("areas.csv", *AREAS, "sky,200,200,300,300")
    write("f.csv", "start,duration,x,y", "0,100,50,250", "110,100,250,250")
    assert look(mirctl).code == 0
    sky = rows("d.csv")[2]
    assert (sky["area"], sky["dwell"], sky["entries"]) == ("sky", "200", "1")


def test_areas_of_each_trial_are_their_own(mirctl, write):
    write("areas.csv", "trial,area,x0,y0,x1,y1", "a,one,0,0,10,10", "b,two,0,0,10,10")
    write("f.csv", "trial,start,duration,x,y", "a,0,100,5,5", "b,0,90,5,5", "c,0,9,5,5")
    ran = look(mirctl)
    assert [(r["trial"], r["area"], r["dwell"]) for r in rows("d.csv")] == [
        ("a", "one", "100"),
        ("b", "two", "90"),
    ]
    assert "no boxes for 1 trial, as 'c'" in ran.err


@pytest.mark.parametrize(
    ("areas", "told"),
    [
        (("name,x0,y0,x1,y1", "a,0,0,1,1"), "has no column 'area'"),
        (("area,x0,y0,x1", "a,0,0,1"), "has no column 'y1'"),
        (("area,x0,y0,x1,y1", "a,5,0,1,1"), "has no box that can be used"),
    ],
)
def test_areas_that_cannot_be_used_are_told(mirctl, write, areas, told):
    write("areas.csv", *areas)
    write("f.csv", "start,duration,x,y", "0,100,50,250")
    ran = look(mirctl)
    assert (ran.code, told in ran.err) == (3, True)


def test_fixations_that_cannot_be_used_are_named(mirctl, write):
    write("areas.csv", *AREAS)
    write("f.csv", "start,duration,x,y", "0,100,50,250", "9,-1,1,1", ".,5,1,1", "9,5,,1", "9,0,1,1")
    told = json.loads(look(mirctl, "--json").out)
    assert [one["row"] for one in told["unusable"]] == [2, 3, 4, 5]


def test_an_area_without_a_name_is_told(mirctl, write):
    write("areas.csv", *AREAS, ",0,0,900,900", " NA ,0,0,900,900")
    write("f.csv", "start,duration,x,y", "0,100,500,500")
    ran = look(mirctl, "--json")
    assert "2 rows cannot be used: row 4 (no area), row 5 (no area)" in ran.err
    told = json.loads(ran.out)["unusable_boxes"]
    assert told == [{"row": row, "why": "no area"} for row in (4, 5)]
    assert [row["area"] for row in rows("d.csv")] == ["face", "eye", "sky"]
