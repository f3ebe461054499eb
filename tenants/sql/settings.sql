-- Locks the tenant's row, and so waits for the batch that retention has in hand.
select settings from authority.tenant where tenant_id = $1 for update
