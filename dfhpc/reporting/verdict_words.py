"""A verdict in the words of a page: what it means, how sure it is, what to do next."""

from collections.abc import Mapping
from typing import Any

Facts = Mapping[str, Any]

STATUS_NAMES = {
    "fake": "Fake",
    "real": "Real",
    "inconclusive": "Inconclusive",
    "not_applicable": "Not applicable",
    "error": "Error",
}

MEANINGS = {
    "fake": (
        "The model takes the face in this video for a deepfake: it resembles the fakes "
        "that the model learned from more than the real videos."
    ),
    "real": (
        "The model found nothing in the faces of this video that resembles the fakes "
        "it learned from. That does not show that the video is genuine."
    ),
    "inconclusive": (
        "The model cannot tell. That is an answer of its own: neither half fake nor "
        "probably real."
    ),
    "not_applicable": (
        "There is nothing here that the model could judge: it judges faces, and found "
        "none."
    ),
    "error": "The file could not be read as a video, so nothing was judged.",
}

USES = (
    "It is the estimate of a program, and no proof. It is wrong at times, for fakes "
    "and for real videos.",
    "It knows the kinds of fakes it was trained on. Fakes made otherwise, and edits "
    "that leave faces as they are (sound, cuts, captions), it may not notice at all.",
    "It must not be the only reason to accuse or clear somebody, to remove or to "
    "publish a video, or to grade, hire or punish anybody.",
)

NO_ANSWER = (
    "It is no answer: neither a sign that the video is real, nor one that it is fake.",
)

LEAKY = (
    "It was tested on people whom it had learned from, so its error rates are too good "
    "to be true, and this answer may be too. Such a model serves to compare with "
    "publications, not to judge videos."
)

NEXT_STEPS = {
    "fake": (
        "Look for the source: who published it first, and is there an original?",
        "Look at the faces and times below: do they show what the verdict is about?",
        "Ask a person who knows the subject, and a second tool of another kind.",
    ),
    "real": (
        "If the video matters, look for its source and ask a second tool: this model "
        "sees only what it was trained to see.",
    ),
    "inconclusive": (
        "Try the original file, before any platform or messenger compressed it again.",
        "Try a longer or clearer part, with one face that is large, sharp and frontal.",
        "If it stays inconclusive, do not use dfhpc for this video.",
    ),
    "not_applicable": (
        "Check that somebody's face is to be seen, upright and not too small.",
        "If there is one, try the original file or a part of the video that shows it "
        "larger.",
        "If there is none, dfhpc has nothing to say about this video.",
    ),
    "error": (
        "Play the file in a video player. If that fails too, get the file again: it "
        "may be incomplete, or no video.",
        "If it plays, convert it (`ffmpeg -i IN -c:v libx264 -crf 18 OUT.mp4`) and "
        "try again; say so beside the verdict, as converting changes the picture.",
    ),
}

UNIT = "\N{NO-BREAK SPACE}%"

FOOTNOTE_RATES = "They hold for videos like those; other videos may fare far worse."


def number(value: float | None, digits: int = 2) -> str:
    """Return a number as text, a dash where there is none.

    >>> number(0.834), number(None)
    ('0.83', '–')
    """
    return "–" if value is None else f"{value:.{digits}f}"


def percent(value: float) -> str:
    """Return a probability in whole percent, never as certain.

    >>> [percent(value).replace(UNIT, "%") for value in (0.834, 0.999, 0.001)]
    ['83%', 'over 99%', 'under 1%']
    """
    whole = round(100 * value)
    if whole >= 100:
        return f"over 99{UNIT}"
    return f"{whole}{UNIT}" if whole >= 1 else f"under 1{UNIT}"


def in_hundred(value: float) -> str:
    """Return how many of a hundred.

    >>> in_hundred(0.083), in_hundred(0.004)
    ('8', 'fewer than 1')
    """
    whole = round(100 * value)
    return str(whole) if whole or value == 0 else "fewer than 1"


def certainty(verdict: Facts) -> str:
    """Return the sentence on how sure a verdict is."""
    probability, score = verdict["probability"], verdict["score"]
    if probability is not None:
        low, high = (percent(limit) for limit in probability["interval_95"])
        return (
            f"Calibrated probability of a fake: {percent(probability['value'])} "
            f"(95{UNIT} interval: {low} to {high})."
        )
    if score is None:
        return "No face was scored, so there is no number."
    return (
        f"Score: {number(score)}, from 0 (like the real videos) to 1 (like the fakes). "
        "It is not calibrated, so it is no probability."
    )


def calibrated_on(decision: Facts | None) -> str:
    """Return the sentence on what scores were turned into probabilities with."""
    known = decision and decision["calibrated_on"]
    if not known:
        why = (decision or {}).get("why_not_calibrated") or (
            "There were too few videos set aside for that, or people of the training "
            "videos are in them."
        )
        return (
            f"This model is not calibrated. {why} The score orders videos; how "
            "probable a fake is, it does not say."
        )
    kind = {"platt": "Platt scaling", "isotonic": "isotonic regression"}
    share = round(100 * known["fake"] / known["videos"])
    return (
        f"Calibrated by {kind.get(known['kind'], known['kind'])} on "
        f"{_videos(known)} of {known['data']} that the model did not learn from "
        f"({known['groups']} groups of people, {known['split']} split). "
        f"The probability holds where {share} of 100 videos are fake, as there; where "
        "fakes are rarer, it is lower. For other kinds of video it may be far off."
    )


def _videos(known: Facts) -> str:
    return f"{known['real']} real and {known['fake']} fake videos"


def rates_part(decision: Facts | None) -> tuple[str, Facts] | None:
    """Return the part that error rates are told of, test before calibration."""
    rates = (decision or {}).get("rates") or {}
    for part in ("test", "calibration"):
        if rates.get(part):
            return part, rates[part]
    return None


def rates_sentences(decision: Facts | None) -> list[str]:
    """Return the error rates of the threshold as frequencies."""
    found = rates_part(decision)
    if found is None:
        return ["How often this threshold is wrong was not measured."]
    part, rates = found
    asked = (decision or {}).get("false_positive_rate_asked")
    where = (
        f"Measured on {_videos(rates)} of the test part, which the model never saw. "
        if part == "test"
        else f"Measured on the {_videos(rates)} that the threshold was chosen on, so "
        "expect it to be wrong more often. "
    )
    sentences = [
        _frequency("real videos", rates["fpr"], rates["fpr_95"], rates["tnr"]),
        _frequency("fakes", rates["tpr"], rates["tpr_95"], rates["fnr"]),
        where + FOOTNOTE_RATES,
    ]
    if asked is not None and (decision or {}).get("on") == "probability":
        sentences.append(
            f"The threshold was chosen so that at most about {in_hundred(asked)} of "
            "100 real videos would be called fake."
        )
    return sentences


def _frequency(
    whom: str, rate: float | None, limits: Any, called_real: float | None
) -> str:
    if rate is None or called_real is None:
        return f"How many of 100 {whom} are called fake is not known: there were none."
    interval = (
        f" (95{UNIT} interval: {in_hundred(limits[0])} to {in_hundred(limits[1])})"
        if limits
        else " (too few for an interval)"
    )
    undecided = max(0.0, 1 - rate - called_real)
    rest = f", and of {in_hundred(undecided)} nothing is said" if undecided else ""
    return (
        f"Of 100 {whom}, about {in_hundred(rate)} are called fake{interval}, "
        f"{in_hundred(called_real)} are called real{rest}."
    )


def rare_fakes(decision: Facts | None) -> str:
    """Return what the rates mean where fakes are rare; empty where none are known."""
    found = rates_part(decision)
    if found is None or None in (found[1]["fpr"], found[1]["tpr"]):
        return ""
    fakes, real = round(10 * found[1]["tpr"]), round(990 * found[1]["fpr"])
    return (
        "Where fakes are rare, most of what is called fake is real: of 1,000 videos "
        f"with 10 fakes among them, about {fakes + real} would be called fake, "
        f"{fakes} of them rightly."
        if real > fakes
        else ""
    )
