-- Fails, and the transaction with it, unless the lead on job $1 is still that of token $2.
select core.hold_lead($1, $2)
