"""What a page and its HTTP headers say of its use: directives to robots, licence, reservation of text mining.

tags.py   the few tags that can say something      robots.py, licences.py: what they say      stage.py: columns
"""
