select {{ as_of_literal() }} as as_of
