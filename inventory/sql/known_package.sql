-- Whether an SBOM of tenant $1 ever listed the package $2.
select exists (select from vex.package where tenant_id = $1 and id = $2)
