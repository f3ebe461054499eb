-- Deletes what was exported: up to entry $1, whose hash is $2, into file $3.
select authority.cut_audit($1, $2, $3)
