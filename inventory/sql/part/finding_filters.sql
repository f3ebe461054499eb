($6::uuid[] is null or f.artifact_id = any ($6))
and ($7 = '' or f.package_purl ^@ $7) and ($8::text[] is null or f.package_purl like any ($8)) and ($9::uuid[] is null or f.package_id = any ($9))
and ($10 = '' or lower(f.evidence ->> 'ecosystem') = $10 or lower(split_part(f.evidence ->> 'ecosystem', ':', 1)) = $10)
and ($11 = 0 or f.grade >= $11)
and ($12::smallint is null or f.score >= $12)
and ($13::text[] is null or f.vuln_id = any ($13))
and case when $14::bool and $13::text[] is null then
-- include finding_kev
is not null else true end
and case when $15::real is not null and $13 is null then
-- include finding_epss
>= $15 else true end
and ($16::bool is null or (f.fixed_versions <> '{}') = $16)
and ($17::timestamptz is null or f.first_seen >= $17)
and case $18 when '' then true when 'none' then f.vex is null when 'any' then f.vex is not null else f.vex is not null and f.vex ->> 'source' = $18 end
and case $19 when 'kev' then
-- include finding_kev
is null when 'epss' then
-- include finding_epss
is null else true end
