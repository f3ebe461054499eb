-- Envelopes. One that is known already gets what a later check found out, unless that had no keys to
-- check with; what was verified once stays so, as keys are given to one import and not to the next.
insert into artifact.signature (id, tenant_id, content_hash, kind, key_id, signature, verified_at, outcome, why, payload_type, predicate_type, subjects,
  origin, envelope, encoding, size)
select distinct on (id) id, $1, content_hash, kind, nullif(key_id, ''), signature, case when outcome = 'verified' then now() end, outcome, why, payload_type, predicate_type,
  subjects::jsonb, origin, envelope, encoding, size
from t_signature order by id
on conflict (id) do update set
  outcome = excluded.outcome, why = excluded.why, key_id = excluded.key_id, verified_at = excluded.verified_at, updated_at = now()
where signature.outcome <> excluded.outcome and excluded.outcome <> 'unchecked' and signature.outcome <> 'verified'
