"""One module per gated table: GATE = the rules of its contract, or of its dbt yml, and what a good table means beyond
that.

A rule is SQL, measured by lakehouse.quality.rules. Each GATE becomes a suite of Great Expectations with one expectation
per rule, which judges the measured value (lakehouse.quality.gx). They are not stock expectations of Great Expectations:
docs/adr/0013-own-measuring-great-expectations-verdicts.md.
"""
