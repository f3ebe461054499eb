-- Packages that are looked up by a CPE.
select distinct package_id from vex.package_key where tenant_id = $1 and match_key >= 'cpe:' and match_key < 'cpe;'
