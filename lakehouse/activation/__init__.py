"""Activation: from a segment in gold to an audience at a destination (an e-mail platform).

audience -> holdout -> payload -> consent firewall -> diff -> plan -> send -> receipt. Consent is checked last, right
before each batch is sent, and every send leaves a proof. Reads gold at pinned Delta versions and needs no engine.
"""
