-- A later decision on the same package and vulnerability replaces the earlier one; the audit
-- log keeps that.
insert into vex.vex_decision (tenant_id, package_id, vuln_id, status, rationale, proof_ref, decided_by)
values ($1, $2, $3, $4, nullif($5, ''), nullif($6, ''), $7)
on conflict (tenant_id, package_id, vuln_id) do update set
  status = excluded.status, rationale = excluded.rationale, proof_ref = excluded.proof_ref, decided_by = excluded.decided_by,
  decided_at = now(), updated_at = now()
returning id
