"""Who says the tag of a word in pieces: ``word_pieces``."""

from saying import Said, Table, read, reach

from npft.experiments.word_pieces import LABELS, TASKS, VOCABULARIES, piece_scores, piece_table


def claims():
    cells = read("word_pieces")
    yield Table(piece_table(cells))
    few, more = sorted(VOCABULARIES)
    gain = {(n, t): (lambda s: s[1:] - s[0])(piece_scores(cells, n, t)) for n in VOCABULARIES
            for t in TASKS}  # (mean and max, seeds)
    assert all((gain[few, t][0] > 0).all() for t in TASKS) and (gain[more, "pos"] > 0).all()
    yield Said("In words of many pieces the mean of all says more than the first")
    yield Said("With 260 pieces the mean gains {} on parts of speech and {} on entities, in each of five seeds",
               *(reach(gain[few, t][0]) for t in TASKS))
    assert (gain[more, "entities"][0] < 0).sum() == 4
    yield Said("With 700 pieces it still gains {} on parts of speech and loses {:.2f} on entities, "
               "averaged over the seeds, in four of five", reach(gain[more, "pos"][0]),
               -gain[more, "entities"][0].mean())
    apart = abs(piece_scores(cells, few, "pos")[1] - piece_scores(cells, few, "pos")[2])
    assert apart.max() < 0.003
    yield Said("a WordPiece of 260 or 700 pieces")
    yield Said(f"{LABELS} sentences")
    behind = [gain[n, "entities"][0].mean() - gain[n, "entities"][1].mean() for n in (few, more)]
    yield Said("on entities it is {:.2f} behind with 260 pieces, {:.2f} with 700", *behind)
