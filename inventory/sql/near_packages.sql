-- Purls of packages that somebody may have meant: of one type ($2).
select purl from vex.package where tenant_id = $1 and starts_with(purl, $2) limit 200000
