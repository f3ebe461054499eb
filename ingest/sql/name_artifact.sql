-- What the artifact $2 is compared by.
update artifact.artifact set name_key = $3, updated_at = now() where tenant_id = $1 and id = $2 and name_key <> $3
