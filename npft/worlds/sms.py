"""Short messages, half ham and half spam: the data of the head-swap lesson.

Spam talks of money, travel, sport or the office, ham of the kitchen, the farm, music or the river.
The frames fit both, so that only the words tell. And the two sides say them with other words: of
the synonyms of TinyWorld's lexicon the training side takes every second one and the test side those
between, as "stew" and "chowder", or "loan" and "credit". Names, times, places and frames of the
sides are disjoint too. What is left in common are words without a synonym and some adjectives.

So 640 labelled messages do not name most of the words of the test. A body that was pretrained on
TinyWorld knows which words keep company, and a head on it needs no more; a bag of words and a body
with random weights do not know. Where the order of words decides, that is not enough: those are the
messages of ``hard_sms.py``.

``crossing`` is the share of messages filed under the other class. No model can get these right, so
the best possible accuracy is 1 - crossing.
"""

from __future__ import annotations

from npft.errors import ConfigError, check_count, check_share
from npft.text.examples import Examples
from npft.worlds.draws import Draw, choose, shuffled, stream
from npft.worlds.grammar import sided
from npft.worlds.lexicon import GIVEN_NAMES, Topic, topics
from npft.worlds.messages import LABELS, Row, examples_of, new_rows
from npft.worlds.phone import WHEN, fillers

SPAM = ("money", "travel", "sport", "office")  # what spam talks of; ham talks of the other topics
CROSSING = 0.05

FRAMES = (
    """
hi {name} the {agent} {verb} the {adjective} {noun} {when}
hello it is {name} here the {agent} at the {place} {verb} the {noun} thanks
{name} says that the {agent} {verb} the {adjective} {noun} {when}
just a quick message about the {adjective} {noun} and the {noun2} says {name}
good morning {name} there is another {adjective} {noun} at the {place}
we talk about the {adjective} {noun} and the {noun2} {when}
please wait for the {agent} at the {place} and remember the {noun}
do not forget the {adjective} {noun} {when}
i am busy but {name} {verb} the {noun} and {verb2} the {adjective2} {noun2}
have you seen the {adjective} {noun} yet the {agent} {verb} it {when}
""",
    """
dear {name} our {agent} {verb} the {adjective} {noun}
this is {name} and the {agent} {verb} the {noun} at the {place} {when}
sorry {name} the {adjective} {noun} is not ready but here is the {noun2}
great news {when} the {agent} {verb} another {adjective} {noun}
let me know about the {noun} and the {adjective2} {noun2} {when}
{name} was near the {place} with the {adjective} {noun}
no need to wait the {agent} {verb} the {noun} and {verb2} the {noun2} {when}
everything is fine with the {adjective} {noun} at the {place}
""",
)


def sms_messages(
    n: int = 640, seed: int = 0, *, test: bool = False, crossing: float = CROSSING
) -> Examples:
    """``n`` messages of 5 to 25 words of the training side or of the test side, half of each class.

    ``n`` is an even number; ``groups`` holds the number of each message's frame, those of the test
    side behind those for training. Same arguments, same bytes on every machine. No message occurs
    twice while there are enough different ones.

    Raises ``ConfigError`` for a number or share that cannot work.

    >>> messages = sms_messages(20)
    >>> len(messages), messages.label_names, messages.labels.sum()
    (20, ['ham', 'spam'], np.int64(10))
    """
    if check_count("n", n, 2) % 2:
        raise ConfigError(f"n is {n}, expected an even number (one half is ham, the other spam)")
    crossed = round(n // 2 * check_share("crossing", crossing, zero=True, one=True))
    draw = stream(seed, 15, int(test))
    rows: list[Row] = []
    seen: set[str] = set()
    for label in range(len(LABELS)):
        for i in range(n // 2):
            rows += new_rows(seen, _message, test, draw, 1 - label if i < crossed else label, label)
    return examples_of(shuffled(draw, rows))


def sms_fixture() -> tuple[Examples, Examples]:
    """The 800 messages of the lesson: 640 to train (320 + 320) and 160 to test (80 + 80).

    The best possible accuracy is 0.95, as one message in twenty is filed under the other class.

    >>> train, test = sms_fixture()
    >>> len(train), train.labels.sum(), len(test), test.labels.sum()
    (640, np.int64(320), 160, np.int64(80))
    """
    return sms_messages(640), sms_messages(160, test=True)


def sms_test(n: int = 1000, seed: int = 1, *, crossing: float = CROSSING) -> Examples:
    """``n`` further messages of the test side, to measure with a small standard error.

    On 160 messages an F1 score has a standard deviation of .02 to .07; on 1,000 of .01 to .03.
    Raises ``ConfigError`` as ``sms_messages`` does.

    >>> len(sms_test(100))
    100
    """
    return sms_messages(n, seed, test=True, crossing=crossing)


def _message(test: bool, draw: Draw, kind: int, label: int) -> list[Row]:
    """A message about a topic of ``kind`` (0 ham, 1 spam), filed under ``label``."""
    topic = choose(draw, [t for t in topics() if (t.name in SPAM) == bool(kind)])
    frames = [text.strip().splitlines() for text in FRAMES]
    frame = int(draw() * len(frames[test]))
    words = {
        "name": choose(draw, sided(GIVEN_NAMES, test)),
        "when": choose(draw, fillers(WHEN, int(test))),
        "agent": _said(choose(draw, topic.agents), test, draw),
        "place": choose(draw, sided(topic.places, test)),
    }
    for number in ("", "2"):
        words |= {part + number: word for part, word in _deed(topic, test, draw).items()}
    return [(frames[test][frame].format(**words), label, frame + test * len(frames[0]))]


def _deed(topic: Topic, test: bool, draw: Draw) -> dict[str, str]:
    """A verb, a noun that it likes, and an adjective that goes with the noun."""
    verb = int(draw() * len(topic.verbs))
    noun = choose(draw, topic.prefers[verb])
    return {
        "verb": _said(topic.verbs[verb], test, draw),
        "noun": _said(topic.nouns[noun], test, draw),
        "adjective": _said(topic.adjectives[noun], test, draw),
    }


def _said(synonyms: tuple[str, ...], test: bool, draw: Draw) -> str:
    """A synonym of one side; a word without synonyms is said on both."""
    return choose(draw, sided(synonyms, test) or synonyms)
