"""Search: which passage says what was asked for, in whatever words?

A passage tells that somebody does a deed to a thing. A query asks for one of them, in a form of its
own; each word for the deed and the thing is drawn anew from its synonyms, so that sometimes both
words are the same, sometimes one, sometimes none. Names, places and towns are drawn anew as well:
those that agree agree by chance.

    query      chris from titan company adjusts the muffled amplifier for mona
    passage 7  the drummer tunes the loudspeaker with ivan in oslo          grade 2: deed and thing
    passage 9  at the bandstand the singer sells another loud speaker       grade 1: the thing

Every passage says another deed to another thing. Deeds and things are the same on both sides of the
task, their pairs are not: what is asked in the test was never asked in training.
"""

from __future__ import annotations

from typing import NamedTuple

from npft.errors import ConfigError, check_count
from npft.worlds.draws import check_side, choose, stream
from npft.worlds.grammar import Meaning, TinyWorld, draw_meaning, say
from npft.worlds.tasks import AGENT_TEMPLATES, PERSON_TEMPLATES

MOST = 1000  # passages of different meanings that can be drawn quickly


class SearchTask(NamedTuple):
    """Queries, passages, and for each query {number of a passage: grade}.

    ``answers[i]`` is the number of the one passage of grade 2.
    """

    queries: list[str]
    passages: list[str]
    relevant: list[dict[int, float]]
    answers: list[int]


def of_test_side(meaning: Meaning) -> bool:
    """Whether a pair of a deed and a thing is asked for in tests: a quarter of them.

    >>> [noun for noun in range(8) if of_test_side(Meaning(0, 2, noun, 0))]
    [2, 6]
    """
    return (meaning.verb + meaning.noun) % 4 == 0


def search_task(
    world: TinyWorld, n: int, passages: int = 800, seed: int = 1, test: bool = False
) -> SearchTask:
    """``n`` queries for ``passages`` different passages, of the training or the test side.

    In training the passages are of that side alone. In the test they are of both, and the queries
    ask for those of the test side, of which there is at least one. Several queries may ask for one
    passage. Passages and queries have the slips of the world. Raises ``ConfigError`` for another
    domain or language, an ``n`` below 1, fewer than 8 or more than 1,000 passages, or a ``test``
    that is neither True nor False.

    >>> task = search_task(TinyWorld(noise=0), 1, passages=50, test=True)
    >>> print(task.queries[0])
    anna inspects the level lap at the clubhouse
    >>> print(task.passages[task.answers[0]])
    the defender inspects the track with daniel in kirkton
    """
    world.only_in_first("search")
    world.only_general("search")
    check_count("search_task: n", n)
    if check_count("search_task: passages", passages, 8) > MOST:
        raise ConfigError(f"search_task: passages is {passages}, expected at most {MOST}")
    check_side(test, both=False)
    draw = stream(world.seed, 3, 2 * check_count("seed", seed, 0) + 2 + test)
    meanings: dict[tuple[int, int, int], Meaning] = {}
    while len(meanings) < passages:
        meaning = draw_meaning(int(draw() * len(world.topics)), draw)
        if test or not of_test_side(meaning):
            meanings.setdefault(meaning[:3], meaning)
    drawn = list(meanings.values())
    while test and not any(map(of_test_side, drawn)):  # of a few, perhaps none can be asked for
        drawn[-1] = draw_meaning(int(draw() * len(world.topics)), draw)

    def text(meaning: Meaning, templates: list[str]) -> str:
        said = say(meaning, choose(draw, templates), draw)
        return " ".join(token.word for token in world.slip(said, draw))

    texts = [text(meaning, AGENT_TEMPLATES) for meaning in drawn]
    askable = [i for i, meaning in enumerate(drawn) if of_test_side(meaning) == test]
    answers = [choose(draw, askable) for _ in range(n)]
    queries = [text(drawn[i], PERSON_TEMPLATES) for i in answers]
    things: dict[tuple[int, int], list[int]] = {}
    for i, meaning in enumerate(drawn):
        things.setdefault((meaning.topic, meaning.noun), []).append(i)
    relevant = [
        {j: 2.0 if j == i else 1.0 for j in things[drawn[i].topic, drawn[i].noun]} for i in answers
    ]
    return SearchTask(queries, texts, relevant, answers)
