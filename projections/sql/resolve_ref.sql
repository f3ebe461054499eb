-- The purl of the component that a BOM-Link points at, wherever it is nested.
select c ->> 'purl'
from ingest.sbom_document d, jsonb_path_query(d.doc, '$.components.**{0 to 20} ? (@."bom-ref" == $ref)', jsonb_build_object('ref', $3::text)) as c
where d.tenant_id = $1 and d.bom_serial = $2 and c ->> 'purl' is not null
order by d.document_time desc nulls last, d.content_hash desc limit 1
