"""Near-duplicate removal by MinHash and locality-sensitive hashing; importing this loads nothing.

shingles.py     texts -> shingles                     resolution.py   candidate pairs -> verified pairs -> clusters
signatures.py   shingles -> minima -> band keys       outcome.py      clusters -> what is published
matching.py     equal band keys -> candidate pairs    index.py        what a later run needs of this one
forests.py      pairs -> connected components         recall.py       how much was found, measured on a sample
stage.py        the exchange that runs them over a corpus
"""
