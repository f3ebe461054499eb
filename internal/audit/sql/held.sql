-- Whether tenant $1 is under legal hold; the share lock lets nobody set one before the commit. Anything but
-- false is a hold.
select coalesce(settings -> 'legal_hold', 'false') not in ('false', 'null') from authority.tenant where tenant_id = $1 for share
