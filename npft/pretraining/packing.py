"""Packing: rows filled to the brim with contiguous text, as RoBERTa is trained.

    [CLS] the boat sank [SEP] rates rose ag [SEP]     [CLS] ain in june [SEP] ...

All documents stand end to end, with a [SEP] where one ends and the next begins, and this stream is
cut into rows of equal length. There is one segment and no next-sentence prediction, and every row
but the last is full (Liu et al. 2019, "RoBERTa", section 4.2; Jurafsky & Martin, section 11.2.3).
RoBERTa cuts at the last whole sentence that fits; here a sentence may go on in the next row, so
that rows are full.
"""

from __future__ import annotations

import numpy as np

from npft.pretraining.pairs import Corpus
from npft.text.batch import Batch


def pack(corpus: Corpus, max_length: int) -> Batch:
    """All text of a corpus in rows of ``max_length`` tokens, in order; the last may be shorter.

    Raises ``ConfigError`` for a max_length without room for text.

    >>> from npft.text.bytes import ByteTokenizer
    >>> tok = ByteTokenizer()
    >>> rows = pack(Corpus([["ab", "cd"], ["efgh"]], tok), 7)
    >>> [tok.decode(row) for row in np.split(rows.ids, rows.offsets[1:-1])], rows.lengths
    (['abcd', 'efgh'], array([7, 6]))
    """
    room = corpus.room(max_length, 2)
    cls, sep = corpus.tokenizer.cls_id, corpus.tokenizer.sep_id
    borders = np.unique(corpus.document_end)[:-1]
    stream = np.insert(corpus.tokens, borders, sep)
    starts = np.arange(0, len(stream), room)
    ends = np.append(starts[1:], len(stream))
    # every row gets a [CLS] before and a [SEP] behind
    specials = np.tile([cls, sep], len(starts))
    ids = np.insert(stream, np.stack([starts, ends], axis=1).ravel(), specials)
    return Batch(ids, np.append(0, np.cumsum(ends - starts + 2)))
