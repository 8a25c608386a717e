"""Quality gates: what must hold of a table before the next layer is built from it or an export reads it.

A run of a gate, in the order of the modules it goes through:

1. `gate` loads the GATE of `expectations/<layer>_<table>.py`: its rules, with their severity.
2. `rules/` holds what a rule is (`rule`), the rules that follow from a contract (`contract`) or from the yml of a dbt
   mart (`mart`), and those that several tables share (`common`, `reconciliation`, `schema`). `rules/measure` measures
   all rules of a gate on the engine in one SQL statement, with `history` among its parameters.
3. `gx/` hands the measurements to Great Expectations, which gives the verdict on each and writes Data Docs. Great
   Expectations never reads the tables: docs/adr/0013-own-measuring-great-expectations-verdicts.md says why.
4. `results` records the findings in ops.quality_results; `verdicts` reads the newest ones, e.g. before gold is built.

`quarantine_report` is about rows that were rejected one by one, before any gate.
"""
