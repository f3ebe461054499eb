-- Whether nobody but $2 has the lead on job $1. It locks nothing: those who stand by ask again and again.
select not exists (select from core.lead where job = $1 and instance_id <> $2 and lease_until > clock_timestamp())
