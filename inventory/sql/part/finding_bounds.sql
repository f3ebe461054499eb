f.tenant_id = $1 and (f.status = $2 or $2 = 'all')
and ($3 = '' or f.vuln_id = any ($4::text[]) and $3 = any (f.aliases || f.advisories || f.vuln_id))
and ($5 = '' or f.artifact_purl = $5)
