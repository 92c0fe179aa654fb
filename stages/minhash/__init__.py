"""Near-duplicate removal by MinHash and locality-sensitive hashing; importing this loads nothing.

signatures.py   texts -> minima -> band keys          matching.py   equal band keys -> pairs
clusters.py     pairs -> connected components         stage.py      the exchange that runs them over a corpus
"""
