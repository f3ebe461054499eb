-- What retired artifact $2 of tenant $1; locked until the transaction ends.
select retired_by from artifact.artifact where tenant_id = $1 and id = $2 for update
