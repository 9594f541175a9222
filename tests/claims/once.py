"""What was measured once and has no script: ``figures/measured.json`` says how, for each sentence.

Such a number can be compared with nothing but what was written down when it was measured. Better a
script with its results; here a sentence and its measurement at least change together.
"""

from saying import Said, read


def claims():
    for measurement in read("measured"):
        assert measurement["how"]
        for words in measurement["said"]:
            yield Said(words.replace("{", "{{").replace("}", "}}"))
