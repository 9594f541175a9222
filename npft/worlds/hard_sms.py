"""Hard short messages, half ham and half spam: the order of their words decides about many.

The messages of the lesson are easier (``sms.py``). Here, by default, three messages in five are
decided by *cue words* (``GROUPS`` of ``phone.py``) set in frames that fit both classes, the other
two by word order. Two knobs make the task honest:

``crossing``  the share of messages that carry the cue words of the other class. No model can get
              these right, so the best possible accuracy is 1 - crossing.
``order``     the share of messages decided by word order alone. They come in twins with the same
              words: spam wants *your* thing first, ham offers its own thing first. Both twins
              are in the same set, so a bag of words is right on exactly half of them.

Trained on the 640 messages of the fixture, ``finetune.baselines.bag_of_words`` reaches an F1 of .75
to .76 on ``hard_sms_test`` (seeds 1, 2 and 3).

The fixture has a train side and a test side. Cue messages: the frames of the two sides are
disjoint; so are names and times. Of the five cue words of one meaning the sides share three, and
each side has one of its own. Order messages: the frames are the same on both sides (a new
frame could not be learnt); every filler in them (names, times, things) is disjoint.
"""

from __future__ import annotations

import numpy as np

from npft.errors import ConfigError, check_count, check_share
from npft.text.examples import Examples
from npft.worlds.draws import Draw, choose, shuffled, stream
from npft.worlds.lexicon import GIVEN_NAMES
from npft.worlds.messages import LABELS, Row, examples_of, new_rows
from npft.worlds.phone import ITEM, PRIVATE, WHEN, cue_groups, fillers

TRAIN, TEST = 0, 1
TEST_SHARE = 0.2

CUE_FRAMES = (
    """
hi {name} please {verb} the {adjective} {noun} {when}
hello it is {name} here you can {verb} your {noun} {when} thanks
do not forget to {verb} the {adjective} {noun} {when}
{name} said you should {verb} your {adjective} {noun}
just a quick message to say the {adjective} {noun} is ready so {verb} it {when}
have you seen the {noun} yet please {verb} it {when} and reply to {name}
good morning {name} there is another {adjective} {noun} waiting for you {when}
can you {verb} my {noun} {when} because i am busy
we want to {verb} the {adjective} {noun} and the {noun2} {when}
remember the {adjective} {noun} we talked about {when} you have to {verb} it
if you have time {when} then {verb} the {noun} and tell {name} about the {adjective2} {noun2}
everything is fine with the {noun} but {name} must {verb} it {when}
please {verb} the {noun} {name}
i forgot to tell {name} about the {adjective} {noun} and the {adjective2} {noun2} but you can \
still {verb} it {when} if there is time
""",
    """
dear {name} it is time to {verb} your {adjective} {noun}
this is {name} and i hope you {verb} the {noun} {when}
are you ready to {verb} another {adjective} {noun} {when} please answer
{when} you get the {noun} and you may {verb} it with {name}
sorry for the wait but the {adjective} {noun} is here now so {verb} it
great news about the {noun} {name} says we must {verb} it {when}
let me know {when} if you could {verb} the {adjective} {noun} or the {noun2}
no need to wait {name} will {verb} the {adjective} {noun} {when} as you asked
now {verb} your {adjective} {noun}
{name} asked me for the {adjective} {noun} and the {adjective2} {noun2} so could you {verb} it \
before we get home {when}
""",
)

# {first} is "your PRIVATE" and {second} "the ITEM" in spam; in ham they change places.
ORDER_FRAMES = """
send me {first} and i will give you {second}
give us {first} before we post you {second}
show me {first} and then get {second} from {name}
after i have {first} you can have {second}
leave {first} with {name} and pick up {second}
swap {first} for {second} with me
we need {first} now and then {name} can send {second}
{first} goes to {name} and {second} comes to you
""".strip().splitlines()
OPENERS = ("", "", "hi", "hello", "good morning")
CLOSERS = ("", "", "thanks", "{when}", "{when}")


def hard_sms_messages(
    n: int = 800, seed: int = 0, *, crossing: float = 0.05, order: float = 0.4
) -> Examples:
    """``n`` messages of 5 to 25 words, ``n / 2`` of each class, a fifth of them of the test side.

    ``n`` is a multiple of 10 and at least 10; ``crossing`` and ``order`` are shares of all messages
    and at most 1 together. ``groups`` holds the number of each message's frame: the train side's
    cue frames, the test side's, then the order frames once for each side. So a group belongs to one
    side (``is_test_side``), and a split by groups never parts two twins. Same arguments, same bytes
    on every machine. No message occurs twice while there are enough different ones.

    Raises ``ConfigError`` for a number or share that cannot work.

    >>> messages = hard_sms_messages(20)
    >>> len(messages), messages.label_names, messages.labels.sum()
    (20, ['ham', 'spam'], np.int64(10))
    """
    if check_count("n", n, 10) % 10:
        raise ConfigError(f"n is {n}, expected a multiple of 10 (halves, of which a fifth is test)")
    n_test = round(n * TEST_SHARE)
    rows = _side_rows(n - n_test, TRAIN, stream(seed, 2, TRAIN), crossing, order)
    rows += _side_rows(n_test, TEST, stream(seed, 2, TEST), crossing, order)
    return examples_of(shuffled(stream(seed, 2, 2), rows))


def hard_sms_fixture() -> tuple[Examples, Examples]:
    """The 800 messages of ``hard_sms_messages()`` as 640 train (320 + 320) and 160 test (80 + 80).

    What the sides share is said at the head of this file: cue frames, names and times are
    disjoint, order frames are shared and their fillers disjoint. By default the order of words
    alone decides 40 % of the messages and 5 % are crossed: 0.95 is the best possible accuracy.

    >>> train, test = hard_sms_fixture()
    >>> np.bincount(train.labels), np.bincount(test.labels)
    (array([320, 320]), array([80, 80]))
    """
    messages = hard_sms_messages()
    test_side = is_test_side(np.asarray(messages.groups))
    return messages[np.flatnonzero(~test_side)], messages[np.flatnonzero(test_side)]


def hard_sms_test(
    n: int = 1000, seed: int = 1, *, crossing: float = 0.05, order: float = 0.4
) -> Examples:
    """``n`` further messages of the test side, to measure with a small standard error.

    On 160 messages an F1 score has a standard deviation of .02 to .07; on 1,000 of .01 to .03.
    ``n`` is an even number. Raises ``ConfigError`` as ``hard_sms_messages`` does.

    >>> len(hard_sms_test(100))
    100
    """
    if check_count("n", n, 2) % 2:
        raise ConfigError(f"n is {n}, expected an even number (one half is ham, the other spam)")
    draw = stream(seed, 3)
    return examples_of(shuffled(draw, _side_rows(n, TEST, draw, crossing, order)))


def is_test_side(groups: np.ndarray) -> np.ndarray:
    """Which of the ``groups`` of messages belong to the test side, as a mask.

    >>> is_test_side(np.array([0, 14, 24, 32]))
    array([False,  True, False,  True])
    """
    groups = np.asarray(groups)
    first_test, first_order = len(_cue_frames(TRAIN)), _order_group(TRAIN, 0)
    in_test_frames = (groups >= first_test) & (groups < first_order)
    return in_test_frames | (groups >= _order_group(TEST, 0))


def is_order_message(groups: np.ndarray) -> np.ndarray:
    """Which of the ``groups`` of messages are decided by word order alone, as a mask.

    >>> is_order_message(np.array([0, 14, 24, 32]))
    array([False, False,  True,  True])
    """
    return np.asarray(groups) >= _order_group(TRAIN, 0)


def _cue_frames(side: int) -> list[str]:
    return CUE_FRAMES[side].strip().splitlines()


def _order_group(side: int, frame: int) -> int:
    n_cue = len(_cue_frames(TRAIN)) + len(_cue_frames(TEST))
    return n_cue + side * len(ORDER_FRAMES) + frame


def _side_rows(n: int, side: int, draw: Draw, crossing: float, order: float) -> list[Row]:
    """``n`` messages of one side with exactly the shares asked for, alike in both classes."""
    crossing = check_share("crossing", crossing, zero=True, one=True)
    order = check_share("order", order, zero=True, one=True)
    if crossing + order > 1:
        raise ConfigError(f"crossing {crossing} and order {order} are more than 1 together")
    half = n // 2
    n_order = round(half * order)
    n_crossing = min(round(half * crossing), half - n_order)
    rows: list[Row] = []
    seen: set[str] = set()
    for _ in range(n_order):
        rows += new_rows(seen, _twins, side, draw)
    for label, kind in enumerate(LABELS):
        for i in range(half - n_order):
            cues = LABELS[1 - label] if i < n_crossing else kind
            rows += new_rows(seen, _cue_message, side, draw, cues, label)
    return rows


def _cue_message(side: int, draw: Draw, kind: str, label: int) -> list[Row]:
    """A message with the cue words of ``kind``, filed under ``label``."""
    frames, groups = _cue_frames(side), cue_groups(kind)
    frame = int(draw() * len(frames))
    verb = choose(draw, groups["verbs"])
    noun = groups["nouns"][choose(draw, verb.likes)]
    noun2 = choose(draw, [other for other in groups["nouns"] if other is not noun])
    text = frames[frame].format(
        name=choose(draw, _names(side)),
        when=choose(draw, fillers(WHEN, side)),
        verb=choose(draw, verb.words(side)),
        noun=choose(draw, noun.words(side)),
        noun2=choose(draw, noun2.words(side)),
        adjective=choose(draw, groups["adjectives"][choose(draw, noun.likes)].words(side)),
        adjective2=choose(draw, groups["adjectives"][choose(draw, noun2.likes)].words(side)),
    )
    return [(text, label, frame + (len(_cue_frames(TRAIN)) if side == TEST else 0))]


def _twins(side: int, draw: Draw) -> list[Row]:
    """A ham and a spam message made of the same words."""
    frame = int(draw() * len(ORDER_FRAMES))
    parts = [choose(draw, OPENERS), ORDER_FRAMES[frame], choose(draw, CLOSERS)]
    written = " ".join(part for part in parts if part)
    name, when = choose(draw, _names(side)), choose(draw, fillers(WHEN, side))
    yours = "your " + choose(draw, fillers(PRIVATE, side))
    mine = "the " + choose(draw, fillers(ITEM, side))
    ham = written.format(first=mine, second=yours, name=name, when=when)
    spam = written.format(first=yours, second=mine, name=name, when=when)
    group = _order_group(side, frame)
    return [(ham, 0, group), (spam, 1, group)]


def _names(side: int) -> list[str]:
    return GIVEN_NAMES[side::2]
