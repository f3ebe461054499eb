-- Gives tag $2 of tenant $1 to artifact $3, whose name is $4; the one that held it has lost it before.
insert into artifact.tag (tenant_id, tag, artifact_id, name) values ($1, $2, $3, $4)
on conflict (tenant_id, tag, artifact_id) do update set name = excluded.name, updated_at = now()
