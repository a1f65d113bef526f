"""The commands as jobs of a pipeline: the same bytes as on the command line."""

PIPELINE = """\
steps:
  fixations: {uses: gaze/detect, samples: samples.csv, ppd: 30, screen: 2000x900}
  assigned: {uses: gaze/assign, fixations: {step: fixations}, words: words.csv}
  measures: {uses: gaze/measures, fixations: {step: assigned}, words: words.csv, mean: true}
  seen: {uses: gaze/aoi, fixations: {step: fixations}, areas: areas.csv}
"""


def test_a_pipeline_makes_what_the_commands_make(mirctl, place):
    (place / "areas.csv").write_text("area,x0,y0,x1,y1\ntop,0,0,2000,300\nrest,0,300,2000,900\n")
    (place / "pipeline.yaml").write_text(PIPELINE)
    ran = mirctl("run", "pipeline.yaml", "--out", "out")
    assert ran.code == 0, ran.err
    made = {}
    words = ["--words", "words.csv"]
    for name, line in {
        "fixations": ["detect", "samples.csv", "--ppd", "30", "--screen", "2000x900"],
        "assigned": ["assign", "out/fixations.csv", *words],
        "measures": ["measures", "out/assigned.csv", *words, "--mean"],
        "seen": ["aoi", "out/fixations.csv", "--areas", "areas.csv"],
    }.items():
        made[name] = mirctl("gaze", *line).out
        assert (place / "out" / f"{name}.csv").read_text() == made[name]
        assert len(made[name].splitlines()) > 2
