"""The words of the spam task, and ordinary sentences about them for TinyWorld.

A frozen encoder cannot use a word it never met: the tied softmax of pretraining pushes all unseen
rows of the embedding table the same way. So 12 % of the documents of TinyWorld talk about messages
with the very words that ``hard_sms.py`` uses, in sentences without a label. All such sentences of
one document are about one kind of thing, errands (the words of "ham") or offers ("spam"), so that
words of one kind keep company as words of a topic do.

A meaning group is written ``core, train words, test words``. The core word and the first word of
each list stand in messages of both sides of the fixture; the last word of a list in those of its
own side only. (With the core alone in common, an encoder trained on 640 messages was right on no
more than 0.6 of the test side's cue messages, fewer than a bag of words.) What stands after ``:``
are the groups that go with it, named by their core: nouns for a verb, adjectives for a noun.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

GROUPS: dict[str, dict[str, tuple[str, ...]]] = {
    "ham": {
        "verbs": (
            "bring, carry fetch, take deliver: umbrella dog",
            "cook, prepare reheat, roast fry: dinner",
            "finish, study revise, discuss correct: homework",
            "visit, meet greet, invite phone: neighbour",
            "clean, sweep mop, wash vacuum: room umbrella",
        ),
        "nouns": (
            "dinner, supper lunch, breakfast meal: lovely warm",
            "homework, essay lesson, revision coursework: lovely late",
            "neighbour, teacher dentist, doctor plumber: lovely tired",
            "room, garage sofa, carpet balcony: dirty warm",
            "umbrella, sweater scarf, blanket raincoat: dirty warm",
            "dog, puppy kitten, cat hamster: tired dirty",
        ),
        "adjectives": (
            "tired, sleepy lazy, weary thirsty",
            "dirty, messy dusty, untidy grubby",
            "lovely, nice pleasant, delightful beautiful",
            "warm, cosy soft, comfy woollen",
            "late, unfinished postponed, missing forgotten",
        ),
    },
    "spam": {
        "verbs": (
            "claim, collect redeem, accept secure: prize voucher",
            "confirm, verify validate, activate renew: account voucher",
            "order, download grab, obtain request: ringtone voucher",
            "win, earn snatch, bag land: prize cruise cashback",
            "unlock, release trigger, receive withdraw: cashback account",
        ),
        "nouns": (
            "prize, reward jackpot, award bonus: free guaranteed",
            "voucher, coupon discount, rebate giftcard: exclusive free",
            "account, membership subscription, registration profile: superior expiring",
            "ringtone, wallpaper handset, upgrade gadget: superior free",
            "cruise, getaway vacation, holiday resort: exclusive free",
            "cashback, payment transfer, refund payout: guaranteed expiring",
        ),
        "adjectives": (
            "free, complimentary gratis, waived prepaid",
            "exclusive, special limited, unique selected",
            "guaranteed, instant approved, certified assured",
            "superior, deluxe golden, platinum vip",
            "expiring, urgent pending, final unclaimed",
        ),
    },
}

# Fillers that say nothing about the class: train words, then test words.
PRIVATE = (
    "pin password badge keycode signature licence",
    "passcode username fingerprint birthday surname address",
)
ITEM = ("camera bike watch radio lamp jacket", "tablet scooter bracelet mirror vase headset")
WHEN = (
    "today | tonight | this morning | at noon | on monday | on friday | at six",
    "tomorrow | this evening | on sunday | on tuesday | next week | at seven | in an hour",
)

# Sentences of TinyWorld about messages. None of them is a template of hard_sms.py.
PHONE_TEMPLATES = """
{person} wants to {verb} the {adjective} {noun} {when}
{person} hopes that we {verb} the {adjective} {noun} and the {noun2} {when}
{other} and {person} {verb} another {adjective} {noun} {when}
my {adjective} {noun} is with {person} and {other} will {verb} it {when}
hi {person} please {verb} it because your {noun} is {adjective}
hello {other} i {verb} the {adjective} {noun} and you {verb2} the {adjective2} {noun2}
dear {person} your {noun} was {adjective} so we {verb} it
{person} can {verb} the {noun} if {other} has the {adjective2} {noun2}
this is a quick message about my {adjective} {noun} says {person} and you could {verb} it
{other} asked for good news of the {adjective} {noun} {when} but {person} must wait
we talked with {person} about the {adjective} {noun} {when}
i want the {noun} {when} so {person} may {verb} the {adjective2} {noun2}
do we still need to {verb} the {adjective} {noun} or should you answer {other}
{person} said do not forget that i have to {verb} our {adjective} {noun}
i am busy so let them {verb} it then reply to {person} as the {adjective} {noun} is ready
there is time for the {adjective} {noun} and everything is fine thanks says {other}
are you sorry for the {adjective} {noun} {person} asked me
great morning {person} now remember to say just how you {verb} the {noun}
i hope it is waiting for {person} yet no {adjective} {noun} comes {when}
i forgot the {adjective} {noun} {other} told me before i {verb} it
have you seen how busy {person} was here {when} with the {adjective} {noun}
first {person} will send me the {item} and then give {other} the {private}
tell me your {private} and i know who you are says {person}
{other} shows us the {private} {when} and {person} gets the {item}
if you leave the {private} with {person} we pick up the {item}
after {person} goes home {other} will swap the {item} for a {item2}
give {person} the {item} before you post us my {private}
show me the {item} {when} and get your {private} from {other}
""".strip().splitlines()


@dataclass(frozen=True)
class Group:
    """Words of one meaning: the ``core`` that names it, ``sides`` = (train words, test words), and
    the numbers of the groups it goes with (nouns for a verb, adjectives for a noun)."""

    core: str
    sides: tuple[tuple[str, ...], tuple[str, ...]]
    likes: tuple[int, ...]

    def words(self, side: int | None = None) -> tuple[str, ...]:
        """The words one side (0 train, 1 test) uses, or all words of the group."""
        if side is None:
            return (self.core, *self.sides[0], *self.sides[1])
        return (self.core, *self.sides[side], self.sides[1 - side][0])


@cache
def cue_groups(kind: str) -> dict[str, tuple[Group, ...]]:
    """The groups of "ham" or "spam", parsed, under "verbs", "nouns" and "adjectives".

    >>> cue_groups("spam")["verbs"][0].words(0)
    ('claim', 'collect', 'redeem', 'accept')
    """
    cores = {
        part: [line.split(",")[0] for line in lines] for part, lines in GROUPS[kind].items()
    }
    goes_with = {"verbs": "nouns", "nouns": "adjectives"}

    def parse(part: str, line: str) -> Group:
        words, _, liked = line.partition(":")
        core, train, test = (field.split() for field in words.split(","))
        likes = tuple(cores[goes_with[part]].index(name) for name in liked.split())
        return Group(core[0], (tuple(train), tuple(test)), likes)

    written = GROUPS[kind].items()
    return {part: tuple(parse(part, line) for line in lines) for part, lines in written}


def fillers(written: tuple[str, str], side: int | None = None) -> tuple[str, ...]:
    """The fillers of one side (0 train, 1 test) or of both; ``|`` parts phrases of several words.

    >>> fillers(WHEN, 0)[2], fillers(ITEM, 1)[0]
    ('this morning', 'tablet')
    """
    chosen = written if side is None else (written[side],)
    split = [text.split("|") if "|" in text else text.split() for text in chosen]
    return tuple(phrase.strip() for text in split for phrase in text)
