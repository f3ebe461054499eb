-- The receiver took message $2 of tenant $1, and said $3. True whoever says so, and however often.
update routing.notify_message
set state = 'sent', attempts = attempts + 1, last_status = $3, last_error = null, updated_at = clock_timestamp()
where tenant_id = $1 and id = $2 and state <> 'sent'
