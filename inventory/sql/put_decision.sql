-- A later decision on the same package and vulnerability replaces the earlier one; the audit log
-- keeps that. The time is that of this statement, under the lock: of two who began together the one
-- that waited is the newer, and so of two ids of one vulnerability the last word counts.
insert into vex.vex_decision as d (tenant_id, package_id, vuln_id, package_purl, status, justification, impact, action, rationale, proof_ref, ticket, expires_at,
  decided_by, decided_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, nullif($9, ''), nullif($10, ''), $11, $12, $13, statement_timestamp())
on conflict (tenant_id, package_id, vuln_id) do update set
  package_purl = excluded.package_purl, status = excluded.status, justification = excluded.justification, impact = excluded.impact, action = excluded.action,
  rationale = excluded.rationale, proof_ref = excluded.proof_ref, ticket = excluded.ticket, expires_at = excluded.expires_at,
  decided_by = excluded.decided_by, decided_at = excluded.decided_at, updated_at = excluded.decided_at, revision = d.revision + 1
returning d.id, to_jsonb(d), d.revision
