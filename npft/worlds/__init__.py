"""Worlds: seeded text with gold labels, the same bytes on every machine.

Read in this order: draws, lexicon, clinic, phone (the words), tokens, polarity, domains, languages,
noise, grammar (the world), tasks, frames, tags, sentiment, logic, questions, paraphrase, coherence,
messages, sms, hard_sms, search (the tasks).
"""

from npft.worlds import (  # noqa: F401  they add their tasks
    coherence, logic, paraphrase, questions, sentiment, tags,
)
from npft.worlds.domains import vocabulary
from npft.worlds.grammar import Document, TinyWorld
from npft.worlds.hard_sms import (
    hard_sms_fixture, hard_sms_messages, hard_sms_test, is_order_message, is_test_side,
)
from npft.worlds.sms import sms_fixture, sms_messages, sms_test
from npft.worlds.tasks import topic_task
from npft.worlds.tokens import Token

__all__ = [
    "Document", "TinyWorld", "Token", "hard_sms_fixture", "hard_sms_messages", "hard_sms_test",
    "is_order_message", "is_test_side", "sms_fixture", "sms_messages", "sms_test", "topic_task",
    "vocabulary",
]
