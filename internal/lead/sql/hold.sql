-- Fails, and the transaction with it, unless the lead on job $1 is still that of token $2; from here on
-- the session may be idle for $3 milliseconds, in this transaction.
select core.hold_lead($1, $2), set_config('idle_in_transaction_session_timeout', $3::bigint::text, true)
