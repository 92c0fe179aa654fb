"""Quality by a model trained on examples: what a crawl is to look like, and the crawl itself; loads nothing slow.

commands.py   `corpusmill quality train | threshold`     training.py   examples -> model and report
examples.py   files -> texts, set apart by hash          report.py     precision and recall at thresholds
thresholds.py the score that a share of a corpus reaches  stage.py     the stage `quality`, which scores
"""
