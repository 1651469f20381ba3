"""The keys of a comparison file, and their JSON schema."""

import re
from collections import Counter
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field

from utils.arguments import MAX_SEED
from utils.config import MAX_NOTES, UsablePath
from utils.config_faults import short
from utils.config_file import name_fault
from utils.config_section import Section

T = TypeVar("T")

REPRESENTATIONS = "representations"


def slug(title: str) -> str:
    """The title as part of a folder's name.

    >>> slug("mag-if, long window")
    'mag-if_long_window'
    """
    return re.sub(r"[^\w+-]+", "_", title.casefold()).strip("_")


def _plain_name(name: str) -> str:
    if fault := name_fault(name):
        raise ValueError(fault)
    return name


def _each_once(values: tuple[T, ...]) -> tuple[T, ...]:
    for value, count in Counter(values).items():
        if count > 1:
            raise ValueError(f"names {short(value)} twice; keep one")
    return values


def _not_all_zero(shares: tuple[float, ...]) -> tuple[float, ...]:
    if not any(shares):
        raise ValueError("must give some scale a share")
    return shares


def _own_folders(titles: dict[str, Any]) -> dict[str, Any]:
    faults, folders = [], dict[str, str]()
    for title in titles:
        if not slug(title) or not title.isprintable():
            faults.append(f"{short(title)} is no title with letters or digits, on one line")
        elif other := folders.get(slug(title)):
            faults.append(f"{short(other)} and {short(title)} would both be trained as {slug(title)}; change a title")
        folders[slug(title)] = title
    if faults:
        raise ValueError(*faults)
    return titles


Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
ScoreName = Annotated[str, Field(min_length=1)]
Share = Annotated[float, Field(ge=0, le=1e6)]


class ReferenceNotes(Section):
    """The key `reference`: the real notes by which all runs are judged."""

    real: UsablePath = Field(description="folder of the real notes that scores compare with")
    second: UsablePath | None = Field(None, description="folder of other real notes, scored as if they were a run's")


class Validation(Section):
    """The key `validation`: the score by which checkpoints of a run are compared with each other."""

    score: ScoreName = Field(description="name of one score, as eval.py spells it")
    count: int = Field(ge=2, le=MAX_NOTES, description="notes of each checkpoint that it compares with as many others")


class Changes(Section):
    """Keys laid over a config, by its sections."""

    loader: dict[str, Any] = Field({}, alias="loaderConfig", description="keys that replace those of loaderConfig")
    transform: dict[str, Any] = Field(
        {}, alias="transformConfig", description="keys that replace those of transformConfig"
    )
    model: dict[str, Any] = Field({}, alias="modelConfig", description="keys that replace those of modelConfig")


class Representation(Changes):
    """One of the `representations`: a config, and what is changed in it after what is shared."""

    config: UsablePath = Field(description="the config of one experiment, from the folder of this file")


class ComparisonKeys(Section):
    """The keys of a comparison file."""

    name: Annotated[str, AfterValidator(_plain_name)] = Field(description="the runs are in output_path/name")
    comments: str = Field("", description="free text")
    output_path: UsablePath = Field(description="folder that will hold the comparison's folder")
    representations: Annotated[dict[str, Any], AfterValidator(_own_folders)] = Field(
        min_length=1,
        description="title -> path of a config from the folder of this file, or the path as `config` beside changed "
        "keys of its sections",
    )
    shared: dict[str, Any] = Field({}, description="keys laid over the sections of every config")
    parameters: int | None = Field(
        None,
        ge=1,
        description="parameters of generator and discriminator together, within 10 %: the depths of each config are "
        "scaled to that; null: depths as the configs have them",
    )
    notes_seen: int = Field(ge=1, le=10**12, description="notes that each run sees in training, over all its scales")
    shares: Annotated[tuple[Share, ...], AfterValidator(_not_all_zero)] | None = Field(
        None,
        description="per scale, its share of notes_seen, up to a common factor; null: as maxIterAtScale and "
        "miniBatchSize of each config",
    )
    seeds: Annotated[tuple[Seed, ...], AfterValidator(_each_once)] = Field(
        min_length=1, description="each representation is trained once with each"
    )
    threads: int | None = Field(
        None,
        ge=1,
        le=4096,
        description="threads of each run on a CPU, on which its pace and the last bits of its weights depend; null: "
        "those of the machine, divided among the runs that train at once",
    )
    count: int = Field(ge=2, le=MAX_NOTES, description="notes that scores compare, of each run and of the reference")
    scores: Annotated[tuple[ScoreName, ...], AfterValidator(_each_once)] = Field(
        min_length=1, description="names of the primary scores, as eval.py spells them"
    )
    validation: dict[str, Any] | None = Field(
        None, description="the score by which the best checkpoint of each run is chosen; null: only the last is scored"
    )
    equal_minutes: float | None = Field(
        None,
        gt=0,
        le=1e9,
        description="minutes of training after which runs are compared too; null: those of the fastest representation",
    )
    reference: dict[str, Any] = Field(description="the real notes that runs are compared with")
    baseline: str = Field(description="title of the representation that all others are compared with")


def comparison_schema() -> dict[str, Any]:
    """JSON schema of a comparison file, for editors to complete and check."""
    schema = ComparisonKeys.model_json_schema(by_alias=True)
    shared, reference, changed, validation = (
        part.model_json_schema(by_alias=True) for part in (Changes, ReferenceNotes, Representation, Validation)
    )
    keys = schema["properties"]
    path = {"type": "string", "description": "a config, from the folder of this file"}
    keys[REPRESENTATIONS] |= {"additionalProperties": {"anyOf": [path, changed]}}
    keys["validation"] |= {"anyOf": [validation, {"type": "null"}]}
    for key, part in (("shared", shared), ("reference", reference)):
        keys[key] = part | {"description": keys[key]["description"]}
    schema["properties"] = {"$schema": {"type": "string"}} | keys
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema | {"title": "Comparison"}
