"""Sources: everything that fills landing. Declared in conf/sources.yml; kinds: files, sql, rest."""
