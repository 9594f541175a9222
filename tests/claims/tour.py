"""The tour of the front page: ``figures/tour.json``, of one run of ``npft tour``."""

from saying import Said, read

from npft.tour import forgetting_table


def claims():
    found = read("tour")
    yield Said("{:.1f} nats of loss are all that was learnt", found["learnt"])
    head, *rows = forgetting_table(found["cells"]).splitlines()
    yield Said(head)
    for row in rows:
        name, f1, rise = row[:22].strip(), row[22:40].strip(), row[40:].strip()
        yield Said(name + " {} {}", f1, rise)
