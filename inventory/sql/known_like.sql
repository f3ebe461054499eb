-- Whether tenant $1 has a package whose purl begins with $2 and fits one of the patterns $3.
select exists (select from vex.package where tenant_id = $1 and ($2 = '' or purl collate "C" ^@ $2) and purl collate "C" like any ($3::text[]))
