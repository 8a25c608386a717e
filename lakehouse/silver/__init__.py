"""What all silver jobs share: bronze rows -> typed, unique rows of silver.<dataset>, and quarantine for those that
break their contract.

`load.load` takes what is new in bronze, `replay.replay` gives quarantined rows another try.
"""
