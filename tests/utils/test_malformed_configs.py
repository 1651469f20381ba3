"""A malformed config ends in one line on stderr and exit code 2: never in a traceback, never in a file written."""

import copy
import json
import sys
from pathlib import Path

import pytest

import train
from audio_transforms import TRANSFORMS
from utils.config import TRANSFORM_CONFIGS, LoaderConfig, ModelConfig, TransformConfig

DELETED = object()
SECTIONS = {"loaderConfig": LoaderConfig, "transformConfig": TRANSFORM_CONFIGS["mag-if"], "modelConfig": ModelConfig}
WRONG_TYPES = {"a list of lists": [[[]]], "an object": {"a": {}}, "NaN": float("nan"), "infinity": float("inf")}
FREE_FORM = {"attribKeysOrder"}  # an object is its right type


def keys():
    for section, owner in SECTIONS.items():
        for name, field in owner.model_fields.items():
            yield section, field.alias or name, field


def case(name, /, **changes):
    return pytest.param(changes, id=name)


def wrong_types():
    for section, key, _ in keys():
        for name, value in WRONG_TYPES.items():
            if not (key in FREE_FORM and name == "an object"):
                yield case(f"{key} is {name}", **{f"{section}__{key}": value})
    for key in ("name", "output_path", "comments", *SECTIONS):
        for name, value in {"null": None, "a list": [1], "a number": 7, "true": True}.items():
            yield case(f"{key} is {name}", **{key: value})


def wrong_scalars():
    """A scalar of another type than the key's, for keys of each plain type."""
    for section, key, field in keys():
        schema = SECTIONS[section].model_json_schema(by_alias=True)["properties"][key]
        kinds = {part.get("type") for part in schema.get("anyOf", [schema])}
        for kind, value in {"boolean": True, "integer": 3, "number": 1.5, "string": "nonsense"}.items():
            fits = kind in kinds or (kind == "integer" and "number" in kinds)
            if not fits and not (key == "transform" and kind == "string"):
                yield case(f"{key} is the {kind} {value}", **{f"{section}__{key}": value})
        if "null" not in kinds and not field.is_required():
            yield case(f"{key} is null", **{f"{section}__{key}": None})


def out_of_range():
    for section, key, _ in keys():
        schema = SECTIONS[section].model_json_schema(by_alias=True)["properties"][key]
        for part in schema.get("anyOf", [schema]):
            limits = {name: part[name] for name in part if name.endswith(("nimum", "ximum", "Minimum", "Maximum"))}
            for limit, value in limits.items():
                beyond = value if limit.startswith("exclusive") else value + (1 if limit == "maximum" else -1)
                yield case(f"{key} is {beyond}, beyond its {limit}", **{f"{section}__{key}": beyond})
            if limits:
                yield case(f"{key} is 10**999", **{f"{section}__{key}": 10**999})


def misspellings():
    for section, key, _ in keys():
        yield case(f"{key} without its last letter", **{f"{section}__{key[:-1]}": 1, f"{section}__{key}": DELETED})
    for key in ("name", "output_path", *SECTIONS):
        yield case(f"{key} doubled at its end", **{key + key[-1]: 1, key: DELETED})


def missing():
    for key in ("name", "output_path", *SECTIONS):
        yield case(f"{key} is missing", **{key: DELETED})
    for section, key, field in keys():
        if field.is_required():
            yield case(f"{key} is missing", **{f"{section}__{key}": DELETED})
    for section in SECTIONS:
        yield case(f"{section} is empty", **{section: {}})


def others():
    scales = {"downSamplingFactor": [[8, 8], [4, 4], [2, 2], [1, 1]]}
    for key in ("depthScales", "maxIterAtScale", "miniBatchSize", "alphaNJumps", "alphaSizeJumps"):
        yield case(f"{key} has three entries for four scales", **{f"modelConfig__{key}": [1, 1, 1]})
        yield case(f"{key} has a bad entry", **{f"modelConfig__{key}": [1, 1, 1, "1"]})
        yield case(f"{key} has a negative entry", **{f"modelConfig__{key}": [1, 1, 1, -1]})
    for factors in (
        [[8, 8], [4, 4], [2, 2], [2, 2]],
        [[1, 1]] * 4,
        [[4, 4], [8, 8], [2, 2], [1, 1]],
        [[1, 1]],
        [[2], [1]],
    ):
        yield case(f"factors {factors}", modelConfig__downSamplingFactor=factors)
    yield case("one scale too many for the image", modelConfig__downSamplingFactor=[[64, 64], [32, 32], [2, 2], [1, 1]])
    for pair in ([1], [1, 2, 3], [0, 1], [1, "x"], []):
        yield case(f"depth pair {pair}", modelConfig__depthScales=[4, 4, 4, pair])
        yield case(f"rate pair {pair}", modelConfig__baseLearningRate=pair)
    for name in ("a/b", "../up", "/abs", "..", ".", "", "a\nb", "a\0b", "x" * 300, "tab\t", "\ud800"):
        yield case(f"name {name[:9]!r}", name=name)
    for path in ("", "a\0b", "x" * 300, "x/" * 3000, "~no_such_user_at_all/x", "\ud800"):
        yield case(f"output_path {path[:9]!r}", output_path=path)
        yield case(f"data_path {path[:9]!r}", loaderConfig__data_path=path)
        yield case(f"att_dict_path {path[:9]!r}", loaderConfig__att_dict_path=path)
    for path in (str(Path(__file__)), "/dev/null", str(Path(__file__).parent)):
        yield case(f"data_path {Path(path).name} holds no notes", loaderConfig__data_path=path)
    for path in ("/no/such/file.json", str(Path(__file__)), "/dev/null", str(Path(__file__).parent)):
        yield case(f"att_dict_path {Path(path).name} is no metadata", loaderConfig__att_dict_path=path)
    for transform in ("mag-fi", "", "MAG-IF", "mag-if ", "x" * 10_000, "__init__"):
        yield case(f"transform {transform[:9]!r}", transformConfig__transform=transform)
    yield case("keys of another transform", transformConfig__transform="waveform")
    yield case("odd fft_size", transformConfig__fft_size=65, transformConfig__win_size=65)
    yield case(
        "no bin left", transformConfig__fft_size=2, transformConfig__win_size=2, transformConfig__keep_nyquist=False
    )
    yield case(
        "gansynth scaling of plain magnitudes", transformConfig__scaling="gansynth", transformConfig__log_mag=False
    )
    yield case("log given twice", transformConfig__log=True, transformConfig__log_mag=True)
    yield case("channels of another image", modelConfig__dimOutput=3)
    yield case("another image", modelConfig__output_shape=[2, 32, 17])
    yield case("pitches no note has", loaderConfig__pitch_range=[0, 1])
    for pitches in ([60], [60, 64, 67], [60.0, 67], [-1, 60], [60, 128], ["a", "b"], ["all", "all"], "all"):
        yield case(f"pitch_range {pitches}", loaderConfig__pitch_range=pitches)
    yield case("unknown family", loaderConfig__instrument_labels=["bras"])
    yield case("unknown source", loaderConfig__filter=["acustic"])
    yield case("source no note has", loaderConfig__filter=["synthetic"])
    yield case("unknown attribute", loaderConfig__attribute_list=["ptich"], modelConfig__attribKeysOrder=None)
    yield case("order not of numbers", modelConfig__attribKeysOrder={"pitch": "0"})
    yield case("balanced beyond the families", loaderConfig__size=1, loaderConfig__balanced_data=True)
    for scale in ("-1", "4", "x", "1.0", "01", "", "9" * 5000):
        yield case(
            f"batch size of scale {scale[:9]!r}",
            modelConfig__miniBatchScheduler={scale: 2},
            modelConfig__miniBatchSize=4,
        )
        yield case(f"change at scale {scale[:9]!r}", modelConfig__configScheduler={scale: {}})
    for change in (
        {"lambdaGP": -1},
        {"lamdaGP": 1},
        {"depthScales": [4] * 4},
        {"lossMode": 3},
        {"GDPP": None},
        3,
        [],
        "x",
    ):
        yield case(f"change {change}", modelConfig__configScheduler={"1": change})
    yield case("a key of 10 000 letters", **{"modelConfig__" + "x" * 10_000: 1})
    yield case("a key that breaks the line", **{"modelConfig__a\nb\r\x1b[0m\u2028": 1})
    yield case("scales without depths", modelConfig=scales)


SYSTEMATIC = [*wrong_types(), *wrong_scalars(), *out_of_range(), *misspellings(), *missing(), *others()]

TEXTS = {
    "empty": b"",
    "blank": b" \n",
    "truncated": b'{"name": "tiny", "loaderConfig": {"data_path"',
    "trailing comma": b'{"name": "tiny",}',
    "single quotes": b"{'name': 'tiny'}",
    "comment": b'{"name": "tiny"} // one',
    "two values": b"{} {}",
    "list": b"[]",
    "number": b"3",
    "huge number": b"1" * 6000,
    "huge number inside": b'{"name": ' + b"1" * 6000 + b"}",
    "null": b"null",
    "text": b'"name"',
    "NaN": b"NaN",
    "empty object": b"{}",
    "key twice": b'{"name": "a", "name": "b"}',
    "key twice, deep": b'{"loaderConfig": {"size": 1, "size": 2}}',
    "key of a megabyte twice": b'{"' + b"k" * 10**6 + b'": 1, "' + b"k" * 10**6 + b'": 2}',
    "binary": bytes(range(256)),
    "zeros": bytes(64),
    "UTF-16": '{"name": "tiny"}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "half a surrogate pair": b'{"name": "\\ud800"}',
    "half a surrogate pair as key": b'{"\\udfff": 1}',
    "nested without end": b"[" * 100_000,
    "nested and closed": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "nested in a section": b'{"modelConfig": ' + b"[" * 300 + b"]" * 300 + b"}",
    "nested below the limit of Python": b'{"modelConfig": ' + b"[" * 900 + b"]" * 900 + b"}",
    "1e400": b'{"name": 1e400}',
}


def changed(experiment, changes):
    raw = copy.deepcopy(experiment)
    for place, value in changes.items():
        section, _, key = place.rpartition("__")
        target = raw[section] if section else raw
        if value is DELETED:
            target.pop(key, None)
        else:
            target[key] = value
    return raw


def files_under(folder):
    return sorted(str(path) for path in folder.rglob("*"))


def assert_refused(arguments, folder, capsys):
    """The command ends with exit code 2 and one line on stderr, and leaves `folder` as it was. Returns the line."""
    before = files_under(folder)
    capsys.readouterr()
    code = train.main([*arguments, "-q"])
    captured = capsys.readouterr()
    assert code == 2, captured.err
    lines = captured.err.splitlines()
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("train.py: ")
    assert captured.out == ""
    assert files_under(folder) == before
    return lines[0]


def write(tmp_path, raw):
    path = tmp_path / "run.json"
    path.write_text(json.dumps(raw), encoding="utf-8")
    return str(path)


def test_there_are_more_than_250_cases():
    assert len(SYSTEMATIC) + len(TEXTS) >= 250
    assert sys.getrecursionlimit() >= 1000  # what the nested texts are deep against


def test_the_experiment_is_valid_before_it_is_broken(experiment_dict, tmp_path):
    assert train.main(["-c", write(tmp_path, experiment_dict), "--dry-run", "-q"]) == 0


@pytest.mark.parametrize("changes", SYSTEMATIC)
def test_malformed_value_is_refused(changes, experiment_dict, tmp_path, capsys):
    path = write(tmp_path, changed(experiment_dict, changes))
    line = assert_refused(["-c", path, "--dry-run"], tmp_path, capsys)
    assert len(line) < 1500
    assert "constrained" not in line
    assert "tuple[" not in line


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_malformed_file_is_refused(text, tmp_path, capsys):
    path = tmp_path / "run.json"
    path.write_bytes(text)
    line = assert_refused(["-c", str(path), "--dry-run"], tmp_path, capsys)
    assert line.startswith(f"train.py: {path}")
    assert len(line) < 1500


@pytest.mark.parametrize("place", ["missing.json", ".", "missing/run.json", "x" * 300, "file/run.json"])
def test_config_that_is_no_file_is_refused(place, tmp_path, capsys):
    (tmp_path / "file").write_text("{}")
    assert_refused(["-c", str(tmp_path / place), "--dry-run"], tmp_path, capsys)


# for these the whole command runs: what must not happen is that anything is allocated or written first
@pytest.mark.parametrize(
    "changes",
    [
        case("depths of 65 536", modelConfig__depthScales=[65_536] * 4),
        case("latent and depth", modelConfig__dimLatentVector=65_536, modelConfig__depthScales=[65_536, 4, 4, 4]),
        case("batches of 65 536", modelConfig__miniBatchSize=65_536, modelConfig__depthScales=[512] * 4),
        case("an hour of frames", transformConfig__n_frames=2_000_000, modelConfig__depthScales=[4096] * 4),
        case("a giant transform", transformConfig__fft_size=2**20, transformConfig__n_frames=2**20),
        case("metadata missing", loaderConfig__att_dict_path="/no/such/file.json"),
        case("output below a file", output_path=f"{__file__}/runs"),
        case("output below a device", output_path="/dev/null/runs"),
        case("output where no folder can be made", output_path="/proc/runs"),
    ],
)  # fmt: skip
def test_absurd_experiment_is_refused_before_anything_is_written(changes, experiment_dict, tmp_path, capsys):
    assert_refused(["-c", write(tmp_path, changed(experiment_dict, changes))], tmp_path, capsys)


def test_run_folder_that_is_a_file_is_refused(experiment_dict, tmp_path, capsys):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "tiny").write_text("a file")
    assert_refused(["-c", write(tmp_path, experiment_dict)], tmp_path, capsys)


@pytest.mark.parametrize(
    "flags",
    [
        ["--lambdaGP", "x"],
        ["--depthScales", "[4,4"],
        ["--depthScales", "[" * 5000],
        ["--dimLatentVector", "9" * 5000],
        ["--dimLatentVector", "NaN"],
        ["--lambdGP", "1"],
        ["-n", "a/b"],
        ["-n", ""],
        ["-d", ""],
        ["-s", "0"],
        ["-s", "x"],
        ["--seed", "-1"],
        ["--seed", "9" * 5000],
        ["-v"],
    ],
)
def test_malformed_flag_is_refused(flags, experiment_dict, tmp_path, capsys):
    line = assert_refused(["-c", write(tmp_path, experiment_dict), "--dry-run", *flags], tmp_path, capsys)
    assert len(line) < 500


def test_command_without_a_config_is_refused(tmp_path, capsys):
    assert "-c" in assert_refused([], tmp_path, capsys)


def test_cases_cover_every_key_of_every_section():
    covered = {place for param in SYSTEMATIC for place in param.values[0]}
    assert {f"{section}__{key}" for section, key, _ in keys()} <= covered
    assert all(issubclass(TRANSFORM_CONFIGS[name], TransformConfig) for name in TRANSFORMS)
