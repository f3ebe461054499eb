-- Whether topic $2 may carry documents of tenant $1.
select exists (
  select from ingest.producer
  where tenant_id = $1 and (topic = $2 or right(topic, 1) = '*' and starts_with($2, left(topic, -1))))
