"""Personal data in texts: found, counted, replaced; importing this loads nothing.

candidates_kernel.py   texts -> stretches that could hold something      stage.py   what is found -> columns and edits
emails.py, ip_addresses.py, phone_numbers.py, credit_cards.py, secrets.py: what counts as one, stretch by stretch
"""
