-- Deletes a flag; its history stays.
delete from routing.feature_flag where tenant_id = $1 and key = $2
