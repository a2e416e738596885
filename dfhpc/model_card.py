"""The card of a model: what it is, what it was trained on, what it is worth.

For people as ``model_card.md``, under the headings of Mitchell et al. 2019, "Model
cards for model reporting", FAT* 2019; within a verdict as JSON.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from dfhpc.models.cards import read_card
from dfhpc.runs import RunDirectory, write_text
from dfhpc.training_facts import blind_spots, old_facts

CARD_NAME = "model_card.md"

_USE = """\
- To help a person decide whether a video is worth a closer look.
- Not to accuse anyone, not as evidence by itself, and not to decide anything by a
  machine alone: it is wrong at the rates below on videos like those it was tested on,
  and more often on others."""

_METRICS = """\
- A video's score is the mean over a person's faces, and the highest of any person with
  enough faces. Accuracy is at a score of 0.5.
- Probability, threshold and undecided band come from the calibration part alone; their
  rates on the test part are reported and change nothing. Intervals of rates are exact
  (Clopper and Pearson 1934) over videos; videos of the same people are not independent,
  so that the truth is less certain still."""

_ETHICS = """\
- Faces of people are personal data; the model's folder holds some training faces, for
  the self-test, and the run directory holds all of them.
- Errors fall on people. Nobody has measured here whether they fall on some groups of
  people more often than on others."""


def verdict_card(run: RunDirectory, model_id: str) -> dict[str, Any]:
    """Return what a verdict says of a model."""
    card = read_card(run, model_id)
    trained = {"about": ""} | (
        card.get("trained") or old_facts(card["settings"]["data"])
    )
    extract = card["settings"]["extract"]
    return {
        "run_dir": str(run.path),
        "trained": {**trained, "faces": card["faces"]},
        "split": card["split"],
        "settings": card["model"],
        "extract": extract,
        "blind_spots": blind_spots(trained, card["split"], extract),
        "versions": card.get("versions", {}),
    }


def write_model_card(
    run: RunDirectory, model_id: str, evaluation: Mapping[str, Any] | None = None
) -> None:
    """Write the card beside ``model.json``, with results if there are any."""
    card = verdict_card(run, model_id)
    results = _results(model_id, evaluation) if evaluation else None
    text = "\n\n".join(_blocks(model_id, card, results))
    write_text(run.model_dir(model_id) / CARD_NAME, f"{text}\n")


def _results(model_id: str, evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``evaluation.json`` holds on a model: its own entries."""
    for found in (evaluation, evaluation["beside"] or {}):
        if model_id in found.get("models", {}):
            return {
                "test": found["models"][model_id].get("test"),
                "probabilities": found.get("probabilities", {}).get(model_id),
                "parts": found["audit"]["balance"],
            }
    return {"test": None, "probabilities": None, "parts": {}}


def _blocks(
    model_id: str, card: Mapping[str, Any], results: Mapping[str, Any] | None
) -> Iterator[str]:
    split = card["split"]
    leaky = " -- LEAKY" if split["leaky"] else ""
    yield f"# Model card: {model_id}"
    yield "## Model details"
    settings, versions = _pairs(card["settings"]), _pairs(card["versions"])
    own = {"run": card["run_dir"], "settings": settings, "versions": versions}
    yield _items(own)
    yield f"## Intended use\n\n{_USE}"
    yield "## Factors (known blind spots)"
    yield "\n".join(f"- {sentence}" for sentence in card["blind_spots"])
    yield f"## Metrics\n\n{_METRICS}"
    yield "## Evaluation data"
    kind = f"- split {split['kind']}, seed {split['seed']}{leaky}"
    yield f"{kind}\n{_parts_text(results)}"
    yield "## Training data"
    yield _items(_training(card["trained"]))
    yield "## Quantitative analyses"
    yield "\n".join(_figures(results))
    yield f"## Ethical considerations\n\n{_ETHICS}"
    yield "## Caveats and recommendations"
    yield (
        "- Before it is used on videos of another source, measure it on some of them "
        "whose truth is known.\n- Each use of it begins with its self-test: some "
        "training rows must score as they did."
    )


def _items(facts: Mapping[str, Any]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in facts.items())


def _pairs(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items())


def _training(trained: Mapping[str, Any]) -> dict[str, Any]:
    def told(value: Any) -> Any:
        return "not known" if value in (None, "", []) else value

    methods = ", ".join(trained["methods"])
    faces = trained["faces"]
    return {
        "data": f"{told(trained['data'])} (layout {trained['layout']})",
        "compression": told(trained["compression"]),
        "methods of the fakes": told(methods),
        "videos": f"{told(trained['real'])} real, {told(trained['fake'])} fake",
        "groups of people": told(trained["groups"]),
        "faces": f"{faces['real']} real, {faces['fake']} fake",
    }


def _parts_text(results: Mapping[str, Any] | None) -> str:
    if results is None or not results["parts"]:
        return "- Not evaluated yet."
    return "\n".join(
        f"- {part}: {counts['real']} real and {counts['fake']} fake videos in "
        f"{_groups(counts['groups'])}"
        for part, counts in results["parts"].items()
    )


def _figures(results: Mapping[str, Any] | None) -> Iterator[str]:
    if results is None or results["test"] is None:
        yield "- Not evaluated yet."
        return
    for level in ("frame", "video"):
        found = results["test"][level]
        yield (
            f"- {level}s of the test part: accuracy {_number(found['accuracy'])}, ROC "
            f"AUC {_number(found['roc_auc'])}, of {found['num_real']} real and "
            f"{found['num_fake']} fake"
        )
    for method, found in results["test"]["methods"].items():
        area = _number(found["video"]["roc_auc"])
        yield f"- against {method} alone: ROC AUC of videos {area}"
    known = results["probabilities"]
    if known is not None:
        yield from _calibration(known)


def _calibration(known: Mapping[str, Any]) -> Iterator[str]:
    if known["map"]["kind"] == "none":
        yield f"- Not calibrated: {known['map']['why']}"
    else:
        counts = known["fitted_on"]
        yield (
            f"- Calibrated ({known['map']['kind']}) on {counts['real']} real and "
            f"{counts['fake']} fake videos in {_groups(counts['groups'])}; the "
            "probability holds where as large a share of the videos is fake"
        )
    threshold = known["threshold"]
    low, high = threshold["band"]
    yield f"- Called fake above {high:.2f}, real below {low:.2f}, undecided between"
    for part in ("calibration", "test"):
        rates = threshold[part]
        if rates and rates["fpr"] is not None and rates["tpr"] is not None:
            yield (
                f"- In the {part} part, {_rate(rates, 'fpr')} of {rates['real']} real "
                f"videos are called fake, and {_rate(rates, 'tpr')} of "
                f"{rates['fake']} fakes"
            )


def _groups(count: int) -> str:
    return "one group" if count == 1 else f"{count} groups"


def _rate(rates: Mapping[str, Any], name: str) -> str:
    low, high = rates[f"{name}_95"]
    return f"{100 * rates[name]:.0f} % ({100 * low:.0f} to {100 * high:.0f})"


def _number(value: float | None) -> str:
    return "not known" if value is None else f"{value:.3f}"
