-- The names by which statements find artifacts, as they are compared now.
update artifact.artifact a set name_key = t.name_key, updated_at = now()
from t_artifact t where a.tenant_id = $1 and a.id = t.id and a.name_key <> t.name_key
