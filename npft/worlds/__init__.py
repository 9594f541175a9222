"""Worlds: seeded text with gold labels, the same bytes on every machine.

Read in this order: draws, lexicon, clinic, phone (the words), tokens, polarity, domains, languages,
noise, grammar (the world), tasks, frames, tags, sentiment, logic, questions, sms (the tasks).
"""

from npft.worlds.domains import vocabulary
from npft.worlds.grammar import Document, TinyWorld
from npft.worlds.tokens import Token
from npft.worlds.sms import is_order_message, is_test_side, sms_fixture, sms_messages, sms_test
from npft.worlds import logic, questions, sentiment, tags  # noqa: F401  they add their tasks
from npft.worlds.tasks import topic_task

__all__ = [
    "Document", "TinyWorld", "Token", "is_order_message", "is_test_side", "sms_fixture",
    "sms_messages", "sms_test", "topic_task", "vocabulary",
]
