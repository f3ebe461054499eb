-- The statements of these documents ($2) are not in force any more ($3 true), or are again.
update vex.vex_statement set outcome = case when $3::bool then 'ended' else 'pending' end
where tenant_id = $1 and ctid = any (array(
  select s.ctid from unnest($2::uuid[]) as k (document)
  cross join lateral (
    select ctid from vex.vex_statement where tenant_id = $1 and document_id = k.document and (outcome = 'ended') <> $3 offset 0) as s))
returning id, vuln_id, document_id
