"""Activation: from a segment in gold to an audience on a platform, with consent as the last word and a proof of every
send.

audience -> holdout -> payload -> firewall -> diff -> plan -> send -> receipt; reads gold at pinned Delta versions,
needs no engine.
"""
