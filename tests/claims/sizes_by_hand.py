"""How DeBERTa's distances are counted: ``sizes`` beside the formula of ``num_parameters``."""

from saying import Said, of, read

from npft.experiments.sizes import BUCKETS, DEBERTA


def claims():
    deberta = of(read("sizes"), name="DeBERTa-base")[0]
    ours = DEBERTA.num_parameters()
    yield Said("one table of {:,} distances for all layers", 2 * DEBERTA.max_distance)
    yield Said("as npft has them, it would have {:,}, {:.1f} % more", ours,
               100 * (ours / deberta["weights"] - 1))
    yield Said("the {:,} of these are added", DEBERTA.vocab_size)
    yield Said("no token types and {} numbers, one for each of {} heads and {} ranges of distance",
               BUCKETS * DEBERTA.num_heads, DEBERTA.num_heads, BUCKETS)
