-- Which ids the records take for the same vulnerability; the projection says which of them count.
insert into vex.vuln_alias (tenant_id, vuln_id, alias, fact_id)
select $1, vuln_id, alias, fact_id from t_vuln_alias order by vuln_id, alias, fact_id
