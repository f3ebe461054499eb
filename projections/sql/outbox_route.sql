-- Whether anybody wants to hear of findings.
select coalesce((select enabled from core.outbox_route where name = 'findings'), false)
